"""What runs in the child: settings from the pipe, then one order after another until the parent is gone."""

import math
import os
import sys
from dataclasses import replace
from multiprocessing.connection import Connection

from jobs.config.settings import Settings
from telemetry.log_context import about_request
from telemetry.logs import flush_logs, set_up_logs
from worker.cache_use import CacheUse
from worker.child.confinement import confine, die_with_parent, grant_processor_time
from worker.child.messages import Order
from worker.content_check import UnusableCheck
from worker.resources import Resources
from worker.tasks import superimpose

NICENESS = 10
"""Pictures keep all cores busy; whoever answers calls, or hands out work, goes first."""

SPARE_S = 10  # of processor time: the parent's clock ends a job first


def serve(connection: Connection) -> None:
    """Send an empty message when ready, then answer each order with its outcome."""
    settings = Settings.model_validate_json(connection.recv_bytes())
    set_up_logs(settings.log_format)
    confine(settings)
    resources = Resources.open(settings)
    connection.send_bytes(b"")
    cache_use = CacheUse(resources)
    while True:
        order = Order.from_bytes(connection.recv_bytes())
        grant_processor_time(math.ceil(order.left_s) + SPARE_S)
        resources.ahead.begin(order.ahead)
        with about_request(order.request_id, order.key_id, order.attempt, order.trace_id):
            outcome = superimpose(resources, order)
        flush_logs()  # the parent kills a child that it needs no more
        connection.send_bytes(replace(outcome, caches=cache_use.news()).to_bytes())


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
