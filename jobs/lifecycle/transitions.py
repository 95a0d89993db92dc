"""The moves of the state machine in `transition.lua`, as methods."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import asdict
from typing import Any

from redis import Redis, RedisError
from rq.utils import now, utcformat

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle import moves
from jobs.lifecycle.creation import NewRequest, create_script
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.move_script import move_script
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import FailureCode, Status
from jobs.redis.hashes import as_text
from jobs.redis.script import Script
from telemetry import metrics

log = logging.getLogger("superimpose.jobs")

_Call = tuple[str, str, str]  # A move, the request's id or "", and arguments as JSON
_Read = Callable[[Any], list[Any]]
Result = list[Any] | Exception  # what a move returned or raised

metrics.declare_failures([code.value for code in FailureCode])


class AttemptMoves(ABC):
    """What a worker says of attempts, each move in one atomic step on Redis's own clock.

    A method raises `IllegalMove` where the request is missing or terminal, and for the reasons it names.
    """

    def __init__(self, move: Script, settings: Settings) -> None:
        self._move = move
        self._settings = settings

    @abstractmethod
    def _make(self, call: _Call, read: _Read) -> list[Any]:
        """Make a move; `read` gives what its answer says, or raises it."""

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
        args = {name: getattr(output, name) for name in ("token", "path", "content_type", "file_size")}
        args |= {"output": json.dumps(vars(output)), **_reported(attempt, stages, occupied_s)}
        self._run("complete", request_id, lambda: metrics.observe_stages(stages), **args)

    def fail(
        self,
        request_id: str,
        attempt: int,
        failure: moves.Failure,
        stages: Mapping[str, float],
        occupied_s: float = 0,
    ) -> None:
        """End as FAILED. Raises `IllegalMove`: stale."""
        args = {**_reported(attempt, stages, occupied_s), **asdict(failure)}
        self._run("fail", request_id, lambda: metrics.observe_stages(stages), **args)

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

    def _claims(self, answer: Any) -> list[moves.Claim]:
        if isinstance(answer, Exception):
            raise answer
        (claims, dropped), *ended = answer
        for ending in _measured(ended):
            ending.log_failure()
        for entry, reason in dropped:
            log.info("request %s: nothing to do, %s", _shown(entry), reason.decode())
        return [moves.Claim.read(self._settings.result_ttl_s, *each) for _, *each in claims]

    def _run(
        self, move: str, request_id: str, done: Callable[[], None] | None = None, **args: Any
    ) -> list[Any]:
        """Make a move; `done` is called once it is made."""
        call = _call(move, request_id, args)
        return self._make(call, lambda answer: _result(call, answer, done))


class Transitions(AttemptMoves):
    """All changes of requests, each made at once."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        super().__init__(Script(redis, move_script(settings)), settings)
        self._redis = redis
        self._create = Script(redis, create_script())

    def create(self, new: NewRequest) -> moves.Created:
        """Raises as `NewRequest.created`."""
        return new.created(self._settings, self._create(args=new.args(self._settings)))

    def together(self) -> "Together":
        return Together(self._move, self._settings)

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

    def sweep(self, request_ids: Sequence[str]) -> list[str]:
        """End those of up to `SWEEP_MOST` requests that are QUEUED and whose deadline has passed, at once."""
        return self._sweep(request_ids)

    def cancel_waiting(self, request_ids: Sequence[str]) -> list[str]:
        """End those of a few requests that are QUEUED, at once."""
        return self._sweep(request_ids, cancelled=True)

    def _sweep(self, request_ids: Sequence[str], **how: bool) -> list[str]:
        [(_, *ended)] = self._move(args=_call("sweep", "", {"requests": list(request_ids), **how}))
        return [ending.request_id for ending in _measured(ended)]

    def promote(self, request_id: str) -> None:
        """Requeue a request whose delay is over. Raises `IllegalMove`: stale (it is not delayed)."""
        self._run("promote", request_id)

    def read(self, request_id: str) -> Record | None:
        """The record as it is now; None if unknown or expired."""
        text = as_text(self._redis.hgetall(keyspace.request(request_id)))
        return Record.from_text(request_id, text) if "status" in text else None

    def _make(self, call: _Call, read: _Read) -> list[Any]:
        [answer] = self._move(args=call)
        return read(answer)


class Together(AttemptMoves):
    """Makes moves when they are sent, in one round trip, with one write to disk.

    Each returns nothing, and raises nothing: `send` says what became of it.
    """

    def __init__(self, move: Script, settings: Settings) -> None:
        super().__init__(move, settings)
        self._calls: list[tuple[_Call, _Read, Context]] = []

    def send(self) -> list[Result]:
        """Of each move. Raises `redis.RedisError` where that is not known; all may be repeated."""
        answers = self._move(args=[word for call, _, _ in self._calls for word in call])
        calls = zip(self._calls, answers, strict=True)
        return [context.run(_returned_or_raised, read, answer) for (_, read, context), answer in calls]

    def _make(self, call: _Call, read: _Read) -> list[Any]:
        self._calls.append((call, read, copy_context()))  # which lines of log name
        return []


def _call(move: str, request_id: str, args: Mapping[str, Any]) -> _Call:
    return move, request_id, json.dumps({"stamp": utcformat(now()), **args})


def _reported(attempt: int, stages: Mapping[str, float], occupied_s: float) -> dict[str, Any]:
    return {"attempt": str(attempt), "metrics": json.dumps(stages), "occupied": round(occupied_s * 1000)}


def _result(call: _Call, answer: Any, done: Callable[[], None] | None) -> list[Any]:
    if isinstance(answer, Exception):
        raise answer
    (reason, *result), *ended = answer
    for ending in _measured(ended):
        ending.log_failure()
    if reason != b"ok":
        raise moves.IllegalMove(*call[:2], reason.decode())
    if done:
        done()
    return list(result)


def _returned_or_raised(read: _Read, answer: Any) -> Result:
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


def _shown(entry: bytes) -> str:
    """An entry of the queue, short enough for a log and without line ends."""
    return ascii(entry.decode("ascii", "replace")[:50])
