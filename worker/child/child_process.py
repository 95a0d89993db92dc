"""The child's main program: reads the settings from the pipe, then processes orders until the pipe closes."""

import logging
import math
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection

from jobs.config.settings import Settings
from jobs.pictures.inputs import PICTURES
from telemetry.logs import flush_logs, set_up_logs
from worker.child.confinement import confine, die_with_parent, grant_processor_time
from worker.child.intake import STACK_BYTES, Intake, Job
from worker.child.messages import LENGTH, Drop, Ending, Event, Order, Outcome, from_parent
from worker.plugin import UnusablePlugin
from worker.resources import Resources
from worker.tasks import read_input, superimpose

NICENESS = 10  # rendering keeps all cores busy; the API, Redis and the parent go first
SPARE_S = 10  # of processor time, so that the parent interrupts a late job first

log = logging.getLogger("superimpose.worker")


def serve(connection: Connection) -> None:
    """Send an empty message when ready; then an event when each order starts and when it finishes."""
    settings = Settings.model_validate_json(connection.recv_bytes())
    set_up_logs(settings.log_format)
    confine(settings)
    threading.stack_size(STACK_BYTES)
    resources = Resources.open(settings)
    connection.send_bytes(b"")
    threads = len(PICTURES) * (1 + settings.fetch_ahead)
    intake = Intake(partial(read_input, resources), settings.fetch_ahead_bytes, threads)
    parent = Parent(connection, intake)
    lookups = _lookups(resources)
    while job := _next_job(intake, parent):
        order = job.order
        parent.send(order.token)
        grant_processor_time(math.ceil(order.left_s) + SPARE_S)
        with order.log_context():
            outcome = superimpose(resources, job)
        intake.release(job)
        flush_logs()  # the parent may kill this process once it has the outcome
        before, lookups = lookups, _lookups(resources)
        caches = {
            name: (hits - before[name][0], misses - before[name][1])
            for name, (hits, misses) in lookups.items()
        }
        parent.queue(order.token, replace(outcome, caches=caches))


def _next_job(intake: Intake, parent: "Parent") -> Job | None:
    """If a job is ready, its start is sent together with the queued outcome, so the parent wakes once."""
    if job := intake.next_job(wait=False):
        return job
    parent.flush()
    return intake.next_job()


class Parent:
    """The child's end of the pipe; a thread passes received orders to the intake until the pipe closes."""

    def __init__(self, connection: Connection, intake: Intake) -> None:
        self._connection = connection
        self._out = open(connection.fileno(), "wb", closefd=False)  # noqa: SIM115 - never closed
        self._intake = intake
        self._writing = threading.Lock()
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def send(self, token: str, outcome: Outcome | None = None) -> None:
        self.queue(token, outcome)
        self.flush()

    def queue(self, token: str, outcome: Outcome | None = None) -> None:
        """Send the event with the next one, or at the next `flush`."""
        message = Event(token, self._intake.ready, outcome).to_bytes()
        with self._writing:
            self._out.write(LENGTH.pack(len(message)) + message)

    def flush(self) -> None:
        with self._writing:
            self._out.flush()

    def _listen(self) -> None:
        try:
            with suppress(EOFError, OSError):
                while True:
                    self._handle(from_parent(self._connection.recv_bytes()))
            self._intake.close()
        except BaseException:
            log.exception("the child exits: it cannot receive orders")
            flush_logs()
            os._exit(1)  # the main thread would wait for ever

    def _handle(self, message: Order | Drop) -> None:
        match message:
            case Order() as order:
                self._intake.add(order)
            case Drop(token) if self._intake.drop(token):
                self.send(token, Outcome(Ending.DROPPED))


def _lookups(resources: Resources) -> dict[str, tuple[int, int]]:
    caches = {"decoded": resources.cache, "http": resources.fetcher.cache}
    return {name: (cache.hits, cache.misses) for name, cache in caches.items() if cache}


def main(descriptor: int, parent: int) -> None:
    """Serve the pipe `descriptor`; if a plugin cannot be loaded, the first message is the reason."""
    die_with_parent(parent)
    os.nice(NICENESS)
    connection = Connection(descriptor)
    try:
        serve(connection)
    except UnusablePlugin as error:
        connection.send_bytes(str(error).encode())
    except (EOFError, BrokenPipeError):
        pass
    except Exception:
        log.exception("the child exits")
    flush_logs()
    os._exit(0)  # without waiting for fetches


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
