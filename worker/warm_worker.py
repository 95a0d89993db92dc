"""The RQ worker: RQ's registration, heartbeats and commands around one warm child.

RQ's `Worker` forks for every job (14 ms), and its `SimpleWorker` cannot stop a decoder that hangs. Here one
child processes many jobs, and its parent kills it when a job exceeds its deadline.
"""

import contextlib
import logging
import math
import signal
import time
from contextlib import closing
from types import FrameType
from typing import Any

from redis import ConnectionError, Redis, RedisError, TimeoutError
from redis.client import Pipeline
from rq import Worker
from rq.command import parse_payload
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat
from rq.worker.base import WorkerStatus

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.transitions import Transitions
from jobs.maintenance import housekeeping
from jobs.maintenance.background import background
from jobs.queue.rq import open_queue
from jobs.redis.connection import connect
from jobs.redis.script import OomExempt
from worker.bell import WAIT_S, Bell, end_pauses_at_signals, wake
from worker.child.child import Child
from worker.commands import Commands
from worker.dispatcher import Dispatcher

HEARTBEAT_S = 5
SECOND_SIGNAL_S = 1  # a signal sooner than this is the first one again, sent to the process group
WORKER_TTL_S = 25
SPARE_TTL_S = 60  # as in RQ's own heartbeats

log = logging.getLogger("superimpose.worker")


class WarmWorker(Worker):
    def __init__(self, redis: Redis, settings: Settings, child: type[Child] = Child) -> None:
        super().__init__(
            [open_queue(redis)],
            connection=redis,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
        self._settings = settings
        self._oom_exempt = OomExempt(redis)
        self._bell = Bell(redis)
        self._dispatcher = Dispatcher(
            Transitions(connect(settings), settings),
            settings,
            LeaseOwner.this_process(self.name),
            self._bell,
            child,
        )
        self._stopped_at: float | None = None
        self._drain_s = settings.drain_timeout_s
        self._heartbeat_at = -math.inf

    @property
    def connection_timeout(self) -> int:
        """RQ's socket timeout; longer than a blocking wait for the bell."""
        return WAIT_S + 4

    def work(self, burst: bool = False, **_: Any) -> bool:  # type: ignore[override]
        """Process requests until a signal arrives, or with `burst` until the queue is empty.

        The first heartbeat registers the worker. Raises `SystemExit`, see `Dispatcher.step`.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.request_stop)
        end_pauses_at_signals()
        commands = Commands(self.connection, self.pubsub_channel_name, self.handle_payload)
        try:
            with background(self._settings), closing(self._bell), closing(self._dispatcher):
                while not self._is_done(burst):
                    self._dispatcher.step(self.heartbeat, is_stopping=self._stopped_at is not None)
        finally:
            commands.close()  # first, because the teardown may fail
            with contextlib.suppress(RedisError):
                self.teardown()  # type: ignore[no-untyped-call]
        return True

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Claim no more and finish within DRAIN_TIMEOUT_S; a second signal ends that time at once."""
        now_s = time.monotonic()
        if self._stopped_at is None:
            self._stopped_at = now_s
        elif now_s - self._stopped_at > SECOND_SIGNAL_S:
            self._stopped_at = -math.inf  # the drain timeout is over

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Stop a cancelled job that is in flight; ignore every other command."""
        try:
            command = parse_payload(message)
            job_id = command["command"] == "stop-job" and command["job_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            job_id = None
        if job_id and self._dispatcher.stop_soon(job_id):
            wake()
        else:
            log.info("command ignored: invalid, or not for a job of this worker")

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """At most every `HEARTBEAT_S`, in one round trip; RQ's own takes three, several times per job.

        A worker whose registration has expired, as while a laptop sleeps, registers again.
        """
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
        elif time.monotonic() - self._heartbeat_at > HEARTBEAT_S:
            self._heartbeat_at = time.monotonic()
            beat = {"last_heartbeat": utcformat(now())}
            try:
                if not self._oom_exempt.update(self.key, self.worker_ttl + SPARE_TTL_S, beat):
                    self._register()
            except (ConnectionError, TimeoutError):
                self._heartbeat_at = -math.inf  # repeat at the next step
                raise

    def _set_ip_address(self, connection: Redis) -> None:
        """RQ asks Redis for the address; Redis may be away."""
        self.ip_address = "unknown"
        with contextlib.suppress(RedisError):
            super()._set_ip_address(connection)

    def _register(self) -> None:
        housekeeping.purge(self.connection)
        self.register_birth()  # type: ignore[no-untyped-call]
        self.set_state(WorkerStatus.IDLE)

    def _is_done(self, burst: bool) -> bool:
        if self._stopped_at is not None and time.monotonic() - self._stopped_at >= self._drain_s:
            self._dispatcher.give_back()
            return True
        if not self._dispatcher.is_idle:
            return False
        return self._stopped_at is not None or (burst and self._is_queue_empty())

    def _is_queue_empty(self) -> bool:
        """Whether no job is queued or scheduled, read in one transaction; False while Redis is away."""
        try:
            with self.connection.pipeline() as pipe:
                pipe.llen(keyspace.RQ_QUEUE)
                pipe.zcard(keyspace.TURNS)
                pipe.zcard(keyspace.RQ_SCHEDULED)
                return not any(pipe.execute())
        except RedisError as error:
            self._dispatcher.await_redis(error)
            return False
