"""The moves of the state machine in `transition.lua`, as methods."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis, RedisError
from rq.utils import now, utcformat

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle import moves
from jobs.lifecycle.deadlines import GRACE_S, Deadlines
from jobs.lifecycle.idempotency import Idempotency, IdempotencyConflict
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.output import Output
from jobs.lifecycle.queue import RQ_TTL_S, job_fields
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import TERMINAL, FailureCode, Status
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script
from jobs.timefmt import retry_after
from telemetry import metrics

log = logging.getLogger("superimpose.jobs")

_Call = tuple[str, str, str]
"""A move, the request's id or "", and arguments as JSON."""
_Read = Callable[[Any], list[Any]]
Result = list[Any] | Exception
"""What a move returned or raised."""

_Done = Callable[[], None] | None
_CREATE = ("request.lua", "create.lua")
_MOVE = ("request.lua", "write_buffer.lua", "transport.lua", "transition.lua", "queue.lua")

metrics.declare_failures([code.value for code in FailureCode])

SWEEP_WINDOW, SWEEP_MOST = 1000, 200
"""Entries that one sweep reads, and requests it ends at most: Redis does nothing else meanwhile."""

DROPPED_MOST = 200
"""Entries of the queue that are no use to a worker, and that one claim passes over at most."""

LONGEST_RETRY_AFTER_S = 300

KEPT_PARAMS_BYTES = 1024
"""Longest parameters kept of a FAILED request, from which it can be submitted again."""

LOST = "the worker died while it made this picture, more than once; submit it again or report it"
UNSTARTED = "no worker was free in time; submit it again later"
UNFINISHED = (
    "making this picture took longer than {timeout} s; use smaller pictures or faster addresses, "
    "or ask for more time with the header X-Timeout"
)


class Transitions:
    """Changes requests, each change in one atomic step on Redis's own clock.

    A method raises `IllegalMove` where the request is missing or terminal, and for the reasons it names.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        # A Redis whose memory is full refuses to create requests, before it has changed anything; those that
        # were accepted still go on to their end.
        rq_fields = [word for field in job_fields().items() for word in field]
        self.create_script = keyspace.script(_text(_CREATE), RQ_FIELDS=rq_fields)
        self._create = Script(redis, self.create_script)
        self._move = Script(redis, OOM_EXEMPT + keyspace.script(_text(_MOVE), **_constants(settings)))

    def create(
        self,
        request_id: str,
        key_id: str,
        params: Mapping[str, Any],
        deadlines: Deadlines | None = None,
        idempotency: Idempotency | None = None,
        traceparent: str | None = None,
    ) -> moves.Created:
        """Create the record, hold its credits and enqueue the job, all or nothing.

        Raises `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`; `IllegalMove`: exists, revoked (the
        key is no longer valid).
        """
        creation = self.creation(request_id, key_id, params, deadlines, idempotency, traceparent)
        return creation.created(self._create(args=creation.args))

    def creation(
        self,
        request_id: str,
        key_id: str,
        params: Mapping[str, Any],
        deadlines: Deadlines | None = None,
        idempotency: Idempotency | None = None,
        traceparent: str | None = None,
    ) -> "Creation":
        """What `create` calls, for a client of asyncio."""
        settings, deadlines = self._settings, deadlines or Deadlines.default(self._settings)
        args = {
            "stamp": utcformat(now()),
            "key_id": key_id,
            "cost": settings.credit_cost,
            "params": json.dumps(params),
            "start_timeout": round(deadlines.start_timeout_s * 1000),
            "timeout": round(deadlines.timeout_s * 1000),
            "max_waiting": settings.max_waiting,
            "max_waiting_per_key": settings.max_waiting_per_key,
        }
        if idempotency:
            args |= {"idempotency": idempotency.redis_key, "fingerprint": idempotency.fingerprint}
        if traceparent:
            args["traceparent"] = traceparent
        return Creation(request_id, (request_id, json.dumps(args)), settings.credit_cost)

    def claim(
        self, owner: LeaseOwner, most: int = 1, holding: Sequence[str] = (), *, is_idle: bool = True
    ) -> list[moves.Claim]:
        """Begin attempts at up to `most` requests of the queue, the owner's share of what waits.

        `holding`: those that it has claimed before and that have not ended; what it does not know of, because
        the answer to a claim was lost, is among the answer. An owner that `is_idle` gets one at least.
        """
        args = {**asdict(owner), "most": most, "holding": list(holding), "is_idle": is_idle}
        return self._make(_call("claim", "", args), self._claims)

    def renew(self, request_id: str, attempt: int) -> None:
        """Renew the lease. Raises `IllegalMove`: stale (the lease was ended)."""
        self._run("renew", request_id, attempt=str(attempt))

    def complete(
        self,
        request_id: str,
        attempt: int,
        output: Output,
        stages: Mapping[str, float],
        occupied_s: float = 0,
    ) -> None:
        """End as COMPLETED and publish the picture, which must already be in the store.

        `occupied_s`: how long the request kept the worker from others.

        Raises `IllegalMove`: stale (a later attempt has begun), late (it has FAILED `timeout`).
        """
        self._report(
            "complete",
            request_id,
            attempt,
            stages,
            occupied_s,
            output=json.dumps(asdict(output)),
            token=output.token,
            path=output.path,
            content_type=output.content_type,
            file_size=output.file_size,
        )

    def fail(
        self,
        request_id: str,
        attempt: int,
        failure: moves.Failure,
        stages: Mapping[str, float],
        occupied_s: float = 0,
    ) -> None:
        """End as FAILED. Raises `IllegalMove`: stale."""
        self._report("fail", request_id, attempt, stages, occupied_s, **asdict(failure))

    def time_out(self, request_id: str, attempt: int) -> None:
        """End as FAILED `timeout`, its time being up. Raises `IllegalMove`: stale."""
        self._run("time_out", request_id, attempt=str(attempt))

    def retry(self, request_id: str, attempt: int, failure: moves.Failure, delay_s: float = 0) -> None:
        """End this attempt; the next one may begin after a while.

        Raises `IllegalMove`: stale; exhausted or late, if no attempt or no time is left (then the request
        has FAILED with `failure`).
        """
        delay = round(delay_s * 1000)
        args = {"attempt": str(attempt), "delay": delay, **asdict(failure)}
        self._run("retry", request_id, lambda: metrics.count_retry(failure.code), **args)

    def give_back(self, request_id: str, attempt: int) -> None:
        """End this attempt without counting it. Raises `IllegalMove`: stale, late."""
        self._run("give_back", request_id, attempt=str(attempt))

    def reclaim(self, request_id: str, attempt: str | None = None) -> None:
        """End a lease that has expired, or that of an `attempt` whose process is gone for certain.

        Raises `IllegalMove`: early, stale; exhausted, late (then the request has FAILED).
        """
        args = {} if attempt is None else {"attempt": attempt}
        self._run("reclaim", request_id, metrics.count_redelivery, **args)

    def cancel(self, request_id: str, failure: moves.Failure) -> moves.Cancelled:
        """End as FAILED, also while a worker has it."""
        was, worker = self._run("cancel", request_id, **asdict(failure))
        return moves.Cancelled(Status(was.decode()), worker.decode())

    def expire(self, request_id: str) -> None:
        """End as FAILED `timeout` if its deadline has passed. Raises `IllegalMove`: early."""
        self._run("expire", request_id)

    def sweep(self, skip: int) -> moves.Swept:
        """End some QUEUED requests whose deadline has passed, at once, behind the queue's first `skip`."""
        [((looked, kept), *ended)] = self._move(args=_call("sweep", "", {"skip": skip}))
        return moves.Swept(looked, kept, [ending.request_id for ending in _measured(ended)])

    def promote(self, request_id: str) -> None:
        """Requeue a request whose delay is over. Raises `IllegalMove`: stale (it is not delayed)."""
        self._run("promote", request_id)

    def read(self, request_id: str) -> Record | None:
        """The record as it is now; None if unknown or expired."""
        return Record.from_hash(request_id, self._redis.hgetall(keyspace.request(request_id)))

    def _claims(self, answer: Any) -> list[moves.Claim]:
        if isinstance(answer, Exception):
            raise answer
        (claims, dropped), *ended = answer
        for ending in _measured(ended):
            ending.log_failure()
        for entry, reason in dropped:
            log.info("request %s: nothing to do, %s", _shown(entry), reason.decode())
        return [self._claim_of(*each) for _, *each in claims]

    def _claim_of(
        self,
        request_id: bytes,
        attempt: bytes | int,
        key_id: bytes,
        params: bytes,
        left_ms: int,
        deadline_ms: bytes,
        traceparent: bytes,
        age_ms: int,
        given_back: bytes | int,
    ) -> moves.Claim:
        return moves.Claim(
            request_id.decode(),
            int(attempt),
            key_id.decode(),
            json.loads(params),
            left_ms / 1000,
            float(deadline_ms) / 1000 + self._settings.result_ttl_s,
            traceparent.decode(),
            age_ms / 1000,
            int(given_back),
        )

    def _report(
        self,
        move: str,
        request_id: str,
        attempt: int,
        stages: Mapping[str, float],
        occupied_s: float,
        **args: Any,
    ) -> None:
        args |= {
            "attempt": str(attempt),
            "metrics": json.dumps(stages),
            "occupied": round(occupied_s * 1000),
        }
        self._run(move, request_id, lambda: metrics.observe_stages(stages), **args)

    def _run(self, move: str, request_id: str, done: _Done = None, **args: Any) -> list[Any]:
        """Make a move; `done` is called once it is made."""
        call = _call(move, request_id, args)
        return self._make(call, lambda answer: _result(call, answer, done))

    def _make(self, call: _Call, read: _Read) -> list[Any]:
        [answer] = self._move(args=call)
        return read(answer)

    def together(self) -> "Together":
        return Together(self)


class Creation(NamedTuple):
    """The arguments of `Transitions.create_script`, and how its answer is read."""

    request_id: str
    args: tuple[str, str]
    cost: int

    def created(self, answer: Any) -> moves.Created:
        """As `Transitions.create`, which see for what it raises."""
        match answer:
            case [b"ok", credits]:
                left = _credits(credits)
                metrics.count_accepted(0 if left is None else self.cost)
                return moves.Created(self.request_id, left, replayed=False)
            case [b"replayed", first, credits]:
                return moves.Created(first.decode(), _credits(credits), replayed=True)
            case [b"conflict", *_]:
                raise IdempotencyConflict
            case [b"credits", balance]:
                raise moves.NotEnoughCredits(balance=int(balance), needed=self.cost)
            case [b"full", whose, bound, wait_ms]:
                wait_s = min(retry_after(int(wait_ms) / 1000), LONGEST_RETRY_AFTER_S)
                raise moves.QueueFull(whose.decode(), int(bound), wait_s)
        raise moves.IllegalMove("create", self.request_id, answer[0].decode())


class Together(Transitions):
    """Makes moves when they are sent, in one round trip, with one write to disk."""

    def __init__(self, transitions: Transitions) -> None:
        self._settings = transitions._settings
        self._move = transitions._move
        self._calls: list[tuple[_Call, _Read, Context]] = []

    def send(self) -> list[Result]:
        """Of each move. Raises `redis.RedisError` where that is not known; all may be repeated."""
        answers = self._move(args=[word for call, _, _ in self._calls for word in call])
        calls = zip(self._calls, answers, strict=True)
        return [context.run(_result_or_error, read, answer) for (_, read, context), answer in calls]

    def _make(self, call: _Call, read: _Read) -> list[Any]:
        self._calls.append((call, read, copy_context()))  # which lines of log name
        return []


def _call(move: str, request_id: str, args: Mapping[str, Any]) -> _Call:
    return move, request_id, json.dumps({"stamp": utcformat(now()), **args})


def _result(call: _Call, answer: Any, done: _Done) -> list[Any]:
    if isinstance(answer, Exception):
        raise answer
    reason: bytes
    result: list[Any]
    (reason, *result), *ended = answer
    for ending in _measured(ended):
        ending.log_failure()
    if reason != b"ok":
        move, request_id, _ = call
        raise moves.IllegalMove(move, request_id, reason.decode())
    if done:
        done()
    return result


def _result_or_error(read: _Read, answer: Any) -> Result:
    try:
        return read(answer)
    except (moves.IllegalMove, RedisError) as error:
        return error


def _measured(ended: list[bytes]) -> list[moves.Ending]:
    """The requests that a move has ended, once they are counted."""
    endings = [moves.Ending(*each) for text in ended for each in json.loads(text)]
    for ending in endings:
        ending.measure()
    return endings


def _text(parts: Sequence[str]) -> str:
    return "".join(Path(__file__).with_name(part).read_text() for part in parts)


def _constants(settings: Settings) -> dict[str, Any]:
    return {
        "TTL": settings.result_ttl_s * 1000,
        "RQ_TTL_S": RQ_TTL_S,
        "LEASE": round(settings.lease_s * 1000),
        "GRACE": GRACE_S * 1000,
        "MAX_ATTEMPTS": settings.max_attempts,
        "KEPT_PARAMS": KEPT_PARAMS_BYTES,
        "DROPPED_MOST": DROPPED_MOST,
        "SWEEP_WINDOW": SWEEP_WINDOW,
        "SWEEP_MOST": SWEEP_MOST,
        "TERMINAL": dict.fromkeys(sorted(TERMINAL), True),
        "WORKER_LOST": FailureCode.WORKER_LOST,
        "TIMEOUT": FailureCode.TIMEOUT,
        "LOST": LOST,
        "UNSTARTED": UNSTARTED,
        "UNFINISHED": UNFINISHED,
    }


def _credits(answer: bytes) -> int | None:
    return None if answer == b"unlimited" else int(answer)


def _shown(entry: bytes) -> str:
    """An entry of the queue, short enough for a log and without line ends."""
    return ascii(entry.decode("ascii", "replace")[:50])
