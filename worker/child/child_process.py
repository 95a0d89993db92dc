"""What runs in the child: settings from the pipe, then orders until the parent is gone."""

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

NICENESS = 10  # pictures keep all cores busy; the API, Redis and the parent go first

SPARE_S = 10  # of processor time: the parent's clock ends a job first

log = logging.getLogger("superimpose.worker")


def serve(connection: Connection) -> None:
    """Send an empty message when ready; then say of each order when its work begins, and how it ended."""
    settings = Settings.model_validate_json(connection.recv_bytes())
    set_up_logs(settings.log_format)
    confine(settings)
    threading.stack_size(STACK_BYTES)
    resources = Resources.open(settings)
    connection.send_bytes(b"")
    most = len(PICTURES) * (1 + settings.fetch_ahead)
    intake = Intake(partial(read_input, resources), settings.fetch_ahead_bytes, most)
    talk = Talk(connection, intake)
    counted = _lookups(resources)
    while job := _next_job(intake, talk):
        order = job.order
        talk.say(order)
        grant_processor_time(math.ceil(order.left_s) + SPARE_S)
        with order.named_in_logs():
            outcome = superimpose(resources, job)
        intake.done(job)
        flush_logs()  # the parent may kill this process once it has the outcome
        before, counted = counted, _lookups(resources)
        caches = {
            name: (hits - before[name][0], misses - before[name][1])
            for name, (hits, misses) in counted.items()
        }
        talk.queue(order, replace(outcome, caches=caches))


def _next_job(intake: Intake, talk: "Talk") -> Job | None:
    """The parent wakes once for the end of a job and the beginning of the next."""
    if job := intake.take(wait=False):
        return job
    talk.flush()
    return intake.take()


class Talk:
    """The child's end of the pipe: a thread puts orders into the intake until the parent is gone."""

    def __init__(self, connection: Connection, intake: Intake) -> None:
        self._connection = connection
        self._out = open(connection.fileno(), "wb", closefd=False)  # noqa: SIM115 - as long as the process
        self._intake = intake
        self._saying = threading.Lock()
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def say(self, order: Order | Drop, outcome: Outcome | None = None) -> None:
        self.queue(order, outcome)
        self.flush()

    def queue(self, order: Order | Drop, outcome: Outcome | None = None) -> None:
        """To be sent with what is said next."""
        message = Event(order.token, self._intake.ready, outcome).to_bytes()
        with self._saying:
            self._out.write(LENGTH.pack(len(message)) + message)

    def flush(self) -> None:
        with self._saying:
            self._out.flush()

    def _listen(self) -> None:
        try:
            with suppress(EOFError, OSError):
                while True:
                    self._hear(from_parent(self._connection.recv_bytes()))
            self._intake.close()
        except BaseException:
            log.exception("the child ends, it cannot go on")
            flush_logs()
            os._exit(1)  # the main thread would wait

    def _hear(self, message: Order | Drop) -> None:
        match message:
            case Order() as order:
                self._intake.add(order)
            case Drop(token) as drop if self._intake.drop(token):
                self.say(drop, Outcome(Ending.DROPPED))


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
    except UnusablePlugin as error:
        connection.send_bytes(str(error).encode())
    except (EOFError, BrokenPipeError):
        pass
    except Exception:
        log.exception("the child ends")
    flush_logs()
    os._exit(0)  # without waiting for fetches


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
