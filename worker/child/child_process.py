"""What runs in the child: settings from the pipe, then one order after another until the parent is gone."""

import math
import os
import sys
from dataclasses import replace
from multiprocessing.connection import Connection

from jobs.config.settings import Settings
from telemetry.log_context import about_request
from telemetry.logs import flush_logs, set_up_logs
from worker.child.confinement import confine, die_with_parent, grant_processor_time
from worker.child.messages import Order
from worker.content_check import UnusableCheck
from worker.resources import Resources
from worker.tasks import superimpose

NICENESS = 10
"""Pictures keep all cores busy; the API, Redis and the parent go first."""

SPARE_S = 10  # of processor time: the parent's clock ends a job first


def serve(connection: Connection) -> None:
    """Send an empty message when ready, then answer each order with its outcome."""
    settings = Settings.model_validate_json(connection.recv_bytes())
    set_up_logs(settings.log_format)
    confine(settings)
    resources = Resources.open(settings)
    connection.send_bytes(b"")
    counted = _lookups(resources)
    while True:
        order = Order.from_bytes(connection.recv_bytes())
        grant_processor_time(math.ceil(order.left_s) + SPARE_S)
        resources.ahead.begin(order.ahead)
        with about_request(order.request_id, order.key_id, order.attempt, order.trace_id):
            outcome = superimpose(resources, order)
        flush_logs()  # the parent may kill this process once it has the outcome
        before, counted = counted, _lookups(resources)
        caches = {
            name: (hits - before[name][0], misses - before[name][1])
            for name, (hits, misses) in counted.items()
        }
        connection.send_bytes(replace(outcome, caches=caches).to_bytes())


def _lookups(resources: Resources) -> dict[str, tuple[int, int]]:
    """Hits and misses so far, by cache that is on."""
    caches = {"decoded": resources.cache, "http": resources.fetcher.cache}
    return {name: (cache.hits, cache.misses) for name, cache in caches.items() if cache}


def main(descriptor: int, parent: int) -> None:
    """Serve the pipe open as `descriptor`; where that cannot begin, the first message says why."""
    die_with_parent(parent)
    os.nice(NICENESS)
    connection = Connection(descriptor)
    try:
        serve(connection)
    except UnusableCheck as error:
        connection.send_bytes(str(error).encode())
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
