"""The RQ worker: RQ's queue, registries and heartbeats around one warm child.

RQ's own `Worker` forks for every job (14 ms); its `SimpleWorker` cannot stop a decoder that hangs. Here
the job runs in a child that stays, and is killed from outside when its time is up.
"""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from redis import ConnectionError, Redis, ResponseError, TimeoutError
from redis.client import Pipeline
from rq import Queue, Worker
from rq.command import parse_payload
from rq.executions import Execution
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker.base import WorkerStatus

from jobs.housekeeping import INTERVAL_S, Housekeeping
from jobs.job import Job, drop_job, is_wrong_type
from jobs.queue import RQ_TTL_S
from jobs.settings import BAD_SETTINGS, Settings
from jobs.status import FailureCode
from jobs.store import PictureStore
from jobs.transitions import IllegalMove, Transitions
from worker.child import Child, ChildDied, ChildRefused
from worker.outcome import Ending, Outcome
from worker.queue import WorkerQueue

HEARTBEAT_S = 5
STOP_GRACE_S = 0.5  # for a cancelled job to end by itself
WAIT_S = 1  # for the queue at a time: how long a stop takes to be seen
WORKER_TTL_S = 25

log = logging.getLogger("superimpose.worker")


class WarmWorker(Worker):
    """Takes jobs from the one queue and hands each to its child."""

    max_connection_wait_time = 5.0  # seconds between attempts to reach a Redis that is away

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._queue = WorkerQueue(redis)
        super().__init__(
            [self._queue],
            connection=redis,
            job_class=Job,
            queue_class=WorkerQueue,
            serializer=JSONSerializer,
            default_result_ttl=RQ_TTL_S,
            worker_ttl=WORKER_TTL_S,
            maintenance_interval=INTERVAL_S,
            job_monitoring_interval=HEARTBEAT_S,
            log_job_description=False,
        )
        self._settings = settings
        self._transitions = Transitions(redis, settings)
        self._housekeeping = Housekeeping(redis, settings, PictureStore.open(settings))
        self._child: Child | None = None

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Run until told to stop, then end the child.

        Raises `SystemExit`, with `BAD_SETTINGS` where it is they that keep the child from starting.
        """
        self._queue.purge()
        try:
            return bool(super().work(*args, **kwargs))
        finally:
            if self._child:
                self._child.close()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, *_: Any, **__: Any
    ) -> tuple[Job, Queue] | None:
        """Wait for a job, which is taken only when the child that will run it is ready."""
        try:
            self._living_child()
        except (ChildDied, ChildRefused) as error:
            log.error("this worker cannot start: %s", error)
            raise SystemExit(BAD_SETTINGS if isinstance(error, ChildRefused) else 1) from None
        return self._wait_for_job(timeout)

    def _wait_for_job(self, timeout: int | None) -> tuple[Job, Queue] | None:
        """The next job; None when told to stop, or without a timeout when the queue is empty."""
        while not self._stop_requested:
            found = super().dequeue_job_and_maintain_ttl(timeout and WAIT_S, WAIT_S)
            if found or timeout is None:
                return found  # type: ignore[return-value]
        return None

    def _shutdown(self) -> None:
        """Stop after this wait or job: RQ breaks off a wait, and with it a job that was on its way here."""
        self._stop_requested = True

    def execute_job(self, job: Job, queue: Queue) -> None:  # type: ignore[override]
        """Run one job, unless something else stands in a key that RQ needs for it."""
        try:
            self._execute(job, queue)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            log.error("job %s dropped, a key of it is not RQ's: %s", job.id, error)
            self.executions.clear()
            drop_job(queue, job.id)

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Stop the job at hand when it is cancelled; nothing else said on the channel is for us.

        Most jobs end sooner than a new child starts: whoever cancels often must not cost others that.
        """
        try:
            command = parse_payload(message)
            stopped = command["command"] == "stop-job" and command["job_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            stopped = None
        if stopped and self._is_at(stopped):
            self._stopped_job_id = stopped
            timer = threading.Timer(STOP_GRACE_S, self._stop, [stopped])
            timer.daemon = True
            timer.start()
        else:
            log.info("a command was ignored: none, or not for the job at hand")

    def _is_at(self, job_id: str) -> bool:
        return job_id in [execution.job_id for execution in list(self.executions.values())]

    def _stop(self, job_id: str) -> None:
        if self._is_at(job_id):
            self.kill_horse()

    def _execute(self, job: Job, queue: Queue) -> None:
        """Run one job in the child and tell RQ how it ended."""
        execution = self.prepare_execution(job)
        self.prepare_job_execution(job, remove_from_intermediate_queue=True)
        job.started_at = now()
        outcome = self._run(job, execution)
        self.executions.pop(execution.id, None)
        job.ended_at = now()
        if outcome.ending is Ending.DONE:
            self._finish_done(job, execution)
        else:
            self._finish_failed(job, queue, execution, outcome)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """RQ sends three commands several times a job; once in a while, in one round trip, says as much."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
        elif self.last_heartbeat is None or now() - self.last_heartbeat > timedelta(seconds=HEARTBEAT_S):
            with self.connection.pipeline(transaction=False) as pipe:
                super().heartbeat(timeout, pipe)
                pipe.execute()

    def kill_horse(self, *_: Any) -> None:
        """Stop the running job: RQ's stop command, and a second SIGTERM."""
        if self._child:
            self._child.kill()

    def run_maintenance_tasks(self) -> None:
        """RQ's registries and our own housekeeping; a fault in one stops neither the other nor the work."""
        for task in (self.clean_registries, self._register_again, self._housekeeping.run):
            try:
                task()
            except (ConnectionError, TimeoutError):
                raise
            except Exception:
                log.exception("housekeeping failed; trying again in %d s", INTERVAL_S)

    def clean_registries(self) -> None:
        """One worker at a time; one that dies at it holds up the others for an interval only."""
        self.last_cleaned_at = now()  # type: ignore[assignment]
        if self.connection.set(self._queue.registry_cleaning_key, "taken", nx=True, ex=INTERVAL_S):
            self._queue.clean(self)
            self.connection.delete(self._queue.registry_cleaning_key)

    def _register_again(self) -> None:
        """After a pause longer than its registration lived (a laptop's sleep) a worker is listed again."""
        if not self.connection.hexists(self.key, "hostname"):
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]

    def _run(self, job: Job, execution: Execution) -> Outcome:
        try:
            child = self._living_child()
            child.start(job.id)
            outcome = self._wait(child, job, execution)
        except ChildDied as death:
            self._child = None
            log.warning("request %s: %s", job.id, death)
            return Outcome(Ending.RETRY, str(death))
        if outcome == Outcome(Ending.RETRY, FailureCode.INTERNAL):
            self._retire(child)
        return outcome

    def _retire(self, child: Child) -> None:
        """Memory that ran short may be in pieces: the next attempt gets a process with all of it."""
        child.close()
        self._child = None

    def _wait(self, child: Child, job: Job, execution: Execution) -> Outcome:
        deadline = time.monotonic() + self._settings.job_timeout_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return self._too_slow(child, job)
            outcome = child.outcome(min(HEARTBEAT_S, left))
            if outcome:
                return outcome
            self.maintain_heartbeats(job, execution)

    def _too_slow(self, child: Child, job: Job) -> Outcome:
        child.kill()
        child.wait()
        self._child = None
        limit = self._settings.job_timeout_s
        text = f"making this picture took longer than {limit} s; use smaller pictures or faster addresses"
        try:
            self._transitions.fail(job.id, FailureCode.TIMEOUT, text)
        except IllegalMove as refused:
            log.info("request %s ended before its time was up: %s", job.id, refused.reason)
        log.warning("request %s FAILED: over %d s, its process was killed", job.id, limit)
        return Outcome(Ending.FAILED, FailureCode.TIMEOUT)

    def _finish_done(self, job: Job, execution: Execution) -> None:
        """RQ's `handle_job_success` in one round trip, without what we do not use of it."""
        with self.connection.pipeline() as pipe:
            job._handle_success(
                RQ_TTL_S,
                pipe,
                worker_name=self.name,
                execution_id=execution.id,
                execution_started_at=execution.created_at,
                execution_ended_at=job.ended_at,
            )
            job.cleanup(RQ_TTL_S, pipeline=pipe, remove_from_queue=False)
            self.cleanup_execution(job, pipeline=pipe, execution=execution)
            self.increment_successful_job_count(pipe)
            self.increment_total_working_time(now() - execution.created_at, pipe)
            self.set_state(WorkerStatus.IDLE, pipeline=pipe)
            pipe.execute()

    def _finish_failed(self, job: Job, queue: Queue, execution: Execution, outcome: Outcome) -> None:
        if outcome.ending is Ending.FAILED:
            job.retries_left = 0
        self.handle_job_failure(job, queue=queue, exc_string=outcome.reason, execution=execution)
        self.set_state(WorkerStatus.IDLE)

    def _living_child(self) -> Child:
        if self._child is None:
            child = Child(self._settings)
            child.await_ready()
            self._child = child
        return self._child
