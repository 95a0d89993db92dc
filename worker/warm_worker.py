"""The RQ worker: RQ's registration, heartbeats and commands around one warm child.

RQ's own `Worker` forks for every job (14 ms); its `SimpleWorker` cannot stop a decoder that hangs. Here
the job runs in a child that stays, and is killed from outside when its time is up. To take a job, to claim it
and to end it is one step in Redis each.
"""

import contextlib
import logging
import signal
import time
from types import FrameType
from typing import Any

from redis import Redis, RedisError, ResponseError
from redis.client import Pipeline
from redis.exceptions import OutOfMemoryError
from rq import Worker
from rq.command import parse_payload
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat
from rq.worker.base import WorkerStatus

from jobs import keyspace
from jobs.config.settings import BAD_SETTINGS, Settings
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.moves import Claim, IllegalMove
from jobs.lifecycle.queue import REQUEST_ID, open_queue
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from jobs.maintenance import registries
from jobs.maintenance.background import background
from jobs.pictures.store import PictureStore
from jobs.redis.connection import connect
from jobs.redis.oom_exempt import OomExempt
from telemetry import metrics
from telemetry.log_context import about_request
from telemetry.traces import open_traces
from worker.attempt import Attempt, Interrupted
from worker.child.child import Child, ChildDied, ChildRefused
from worker.child.children import Children
from worker.child.messages import Ending, Outcome
from worker.commands import Commands
from worker.pauses import end_at_signals, pause
from worker.report import Report
from worker.tracing import trace_attempt

HEARTBEAT_S = 5
PAUSE_S = 0.5  # between two tries to reach Redis
SECOND_SIGNAL_S = 1  # sooner it is the first one, sent to the whole group
WAIT_S = 1  # for the queue at a time: how long a stop takes to be seen
WAIT_WHEN_FULL_S = 0.1
WORKER_TTL_S = 25
SPARE_TTL_S = 60  # as RQ's own heartbeats

log = logging.getLogger("superimpose.worker")


class WarmWorker(Worker):
    """Takes jobs from the one queue and hands each to its child."""

    def __init__(self, redis: Redis, settings: Settings, child: type[Child] = Child) -> None:
        super().__init__(
            [open_queue(redis)],
            connection=redis,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
        self._settings = settings
        self._transitions = Transitions(connect(settings), settings)
        self._store = PictureStore.open(settings)
        self._traces = open_traces("worker")
        self._oom_exempt = OomExempt(redis)
        self._lease_owner = LeaseOwner.this_process(self.name)
        self._children = Children(settings, child)
        self._taken: str | None = None  # from the queue and not yet claimed, or its reply was lost
        self._attempt: Attempt | None = None
        self._stopped_at: float | None = None
        self._hurried = False
        self._heartbeat_at = 0.0
        self._commands: Commands | None = None

    @property
    def connection_timeout(self) -> int:
        """RQ's name for how long Redis may be silent; a wait for the queue ends sooner."""
        return WAIT_S + 4

    def work(self, burst: bool = False, logging_level: str | None = None, **_: Any) -> bool:  # type: ignore[override]
        """Work until told to stop, or with `burst` until nothing is left to do; whether anything was done.

        Raises `SystemExit` where no child can be had, with `BAD_SETTINGS` if it is they that keep it from
        starting.
        """
        worked = False
        registries.purge(self.connection)
        self.bootstrap(logging_level)
        self.set_state(WorkerStatus.IDLE)
        self._install_signal_handlers()
        try:
            with background(self._settings):
                while self._stopped_at is None and not (burst and self._is_idle()):
                    worked = self._do_next() or worked
        finally:
            self._children.close()
            self._traces.close()
            with contextlib.suppress(RedisError):
                self.teardown()  # type: ignore[no-untyped-call]
        return worked

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take no more jobs, and give the current one DRAIN_TIMEOUT_S; a second signal gives it none."""
        now_s = time.monotonic()
        if self._stopped_at is None:
            self._stopped_at = now_s
        elif now_s - self._stopped_at > SECOND_SIGNAL_S:
            self._hurried = True

    def _install_signal_handlers(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.request_stop)
        end_at_signals()

    def subscribe(self) -> None:
        """Listen for commands in our own thread, not RQ's."""
        self._commands = Commands(self.connection, self.pubsub_channel_name, self.handle_payload)

    def unsubscribe(self) -> None:
        if self._commands:
            self._commands.close()

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Stop the current job when it is cancelled; ignore every other command."""
        attempt = self._attempt
        try:
            command = parse_payload(message)
            stopped = command["command"] == "stop-job" and command["job_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            stopped = None
        if stopped and attempt and attempt.request_id == stopped:
            attempt.stop_soon()
        else:
            log.info("command ignored: not one, or not for the current job")

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """At most every `HEARTBEAT_S`, in one round trip; RQ's own sends three commands several times a job.

        A worker whose registration has expired (a laptop's sleep) registers again.
        """
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
        elif time.monotonic() - self._heartbeat_at > HEARTBEAT_S:
            self._heartbeat_at = time.monotonic()
            beat = {"last_heartbeat": utcformat(now())}
            if not self._oom_exempt.keep(self.key, self.worker_ttl + SPARE_TTL_S, beat):
                self._register()

    def _register(self) -> None:
        self.register_birth()  # type: ignore[no-untyped-call]
        self.set_state(WorkerStatus.IDLE)

    def _is_idle(self) -> bool:
        """Whether no job is taken, queued or scheduled, at one time; False while Redis is away."""
        try:
            with self.connection.pipeline() as pipe:
                pipe.llen(keyspace.RQ_QUEUE)
                pipe.zcard(keyspace.RQ_SCHEDULED)
                waiting = pipe.execute()
        except RedisError as error:
            self._await_redis(error)
            return False
        return not (self._taken or any(waiting))

    def _do_next(self) -> bool:
        """Wait `WAIT_S` for a job and do it; whether there was one."""
        child = self._ready_child()
        try:
            self.heartbeat()
            claim = self._next(child.fetching)
        except RedisError as error:
            self._await_redis(error)
            return False
        if claim:
            self._do(claim, child)
        return claim is not None

    def _ready_child(self) -> Child:
        """A job is taken only when the child that will do it is ready."""
        try:
            return self._children.ready()
        except (ChildDied, ChildRefused, OSError) as error:
            log.error("this worker cannot start: %s", error)
            raise SystemExit(BAD_SETTINGS if isinstance(error, ChildRefused) else 1) from None

    def _next(self, fetching: int) -> Claim | None:
        """The next job, claimed; None if none came, or its claim was refused."""
        try:
            claim = None if self._taken else self._transitions.next(self._lease_owner, fetching)
            if claim is None:
                self._taken = self._taken or self._wait()
            if self._taken:
                claim = self._transitions.claim(self._taken, self._lease_owner, fetching)
        except IllegalMove as refused:
            log.info("request %s: nothing to do, %s", refused.request_id, refused.reason)
            claim = None
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            registries.purge(self.connection)
            return None
        self._taken = None
        return claim

    def _wait(self) -> str | None:
        """The next job, which stays in the intermediate queue until its claim; None if none comes."""
        try:
            entry: Any = self.connection.blmove(keyspace.RQ_QUEUE, keyspace.RQ_INTERMEDIATE, WAIT_S)
        except OutOfMemoryError:
            pause(WAIT_WHEN_FULL_S)
            return None
        request_id = (entry or b"").decode("ascii", "replace")
        if entry is not None and not REQUEST_ID.fullmatch(request_id):
            self.connection.lrem(keyspace.RQ_INTERMEDIATE, 0, entry)
            raise IllegalMove("wait", ascii(request_id[:50]), "refused")
        return request_id or None

    def _do(self, claim: Claim, child: Child) -> None:
        start = time.time()
        with about_request(claim.request_id, claim.key_id, claim.attempt, claim.trace_id):
            ended = self._attempted(claim, child)
        trace_attempt(self._traces.tracer, claim, start, ended)

    def _attempted(self, claim: Claim, child: Child) -> Outcome | Interrupted | ChildDied:
        """Make an attempt and report how it ended."""
        request_id = claim.request_id
        report = Report(claim, self._transitions, self._store, self._must_stop)
        self._attempt = Attempt(claim, self._transitions, self._settings, self.heartbeat)
        try:
            ended = self._attempt.run(child, self._must_stop)
        except ChildDied as death:
            log.warning("request %s: %s", request_id, death)
            self._children.lose()
            report.lost()
            return death
        finally:
            self._attempt = None
        if isinstance(ended, Interrupted):
            self._children.lose()
            report.interrupted(ended)
        else:
            report.outcome(ended)  # before anything that may fail: the picture is in the store
            metrics.count_lookups(ended.caches)
            self._keep_or_lose(ended)
        return ended

    def _keep_or_lose(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.RETRY and outcome.code == FailureCode.INTERNAL:
            self._children.lose()  # memory that ran short may be in pieces: the next attempt gets all of it
        else:
            self._children.one_more_job_done()

    def _must_stop(self) -> bool:
        """Whether the time to drain is over."""
        if self._stopped_at is None:
            return False
        return self._hurried or time.monotonic() - self._stopped_at >= self._settings.drain_timeout_s

    def _await_redis(self, error: RedisError) -> None:
        log.warning("Redis cannot be reached, trying again: %s", error)
        pause(PAUSE_S)
