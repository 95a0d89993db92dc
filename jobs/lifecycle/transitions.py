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

_Call = tuple[str, str, str]  # a move, the request id or "", and arguments as JSON
_Read = Callable[[Any], list[Any]]  # reads the reply to a call, or raises it
Result = list[Any] | Exception  # what a move returned or raised

metrics.declare_failures([code.value for code in FailureCode])


class AttemptMoves(ABC):
    """The moves of a worker, each an atomic step on Redis's clock.

    Methods raise `IllegalMove` if the request is missing or terminal, and for the reasons they name.
    `occupied_s` is the time during which the worker could not process other requests.
    """

    def __init__(self, move: Script, settings: Settings) -> None:
        self._move = move
        self._settings = settings

    @abstractmethod
    def _send(self, call: _Call, read: _Read) -> list[Any]: ...

    def claim(
        self, owner: LeaseOwner, limit: int = 1, holding: Sequence[str] = (), *, is_idle: bool = True
    ) -> list[moves.Claim]:
        """Start attempts at up to `limit` queued requests, no more than the owner's share of the queue.

        `holding` are its unfinished claims. Claims that it does not know of, because a reply was lost, are
        returned again. An owner that `is_idle` gets at least one request.
        """
        args = {**asdict(owner), "limit": limit, "holding": list(holding), "is_idle": is_idle}
        return self._send(_call("claim", "", args), self._claims)

    def renew(self, request_id: str, attempt: int) -> None:
        """Renew the lease. Raises `IllegalMove`: stale (the lease has ended)."""
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

        Raises `IllegalMove`: stale (a later attempt has started), late (the request has FAILED `timeout`).
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
        """End as FAILED `timeout`. Raises `IllegalMove`: stale."""
        self._run("time_out", request_id, attempt=str(attempt))

    def retry(self, request_id: str, attempt: int, failure: moves.Failure, delay_s: float = 0) -> None:
        """End this attempt; the next one may start after `delay_s`.

        Raises `IllegalMove`: stale; exhausted or late, if no attempt or no time remains (then the request
        has FAILED with `failure`).
        """
        delay = round(delay_s * 1000)
        args = {"attempt": str(attempt), "delay": delay, **asdict(failure)}
        self._run("retry", request_id, lambda: metrics.count_retry(failure.code), **args)

    def give_back(self, request_id: str, attempt: int) -> None:
        """End this attempt without counting it. Raises `IllegalMove`: stale, late."""
        self._run("give_back", request_id, attempt=str(attempt))

    def _claims(self, reply: Any) -> list[moves.Claim]:
        claims, dropped = _result(reply)
        for entry, reason in dropped:
            log.info("request %s: skipped, %s", _shown(entry), reason.decode())
        return [moves.Claim.read(self._settings.result_ttl_s, *each) for _, *each in claims]

    def _run(
        self, move: str, request_id: str, done: Callable[[], None] | None = None, **args: Any
    ) -> list[Any]:
        def read(reply: Any) -> list[Any]:
            reason, *result = _result(reply)
            if reason != b"ok":
                raise moves.IllegalMove(move, request_id, reason.decode())
            if done:
                done()
            return result

        return self._send(_call(move, request_id, args), read)


class Transitions(AttemptMoves):
    """All moves, each sent at once."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        super().__init__(Script(redis, move_script(settings)), settings)
        self._redis = redis
        self._create = Script(redis, create_script())

    def create(self, new: NewRequest) -> moves.Created:
        return new.created(self._settings, self._create(args=new.args(self._settings)))

    def pipeline(self) -> "MovePipeline":
        return MovePipeline(self._move, self._settings)

    def reclaim(self, request_id: str, attempt: str | None = None) -> None:
        """End an expired lease, or the lease of an `attempt` whose process is certainly gone.

        Raises `IllegalMove`: early, stale; exhausted, late (then the request has FAILED).
        """
        args = {} if attempt is None else {"attempt": attempt}
        self._run("reclaim", request_id, metrics.count_redelivery, **args)

    def cancel(self, request_id: str, failure: moves.Failure) -> tuple[Status, str]:
        """End as FAILED, also while a worker processes the request.

        Returns the previous status, and RQ's name of the worker that processed the request, or "".
        """
        previous, worker = self._run("cancel", request_id, **asdict(failure))
        return Status(previous.decode()), worker.decode()

    def expire(self, request_id: str) -> None:
        """End as FAILED `timeout` if its deadline has passed. Raises `IllegalMove`: early."""
        self._run("expire", request_id)

    def sweep(self, request_ids: Sequence[str], cancelled: bool = False) -> list[str]:
        """In one step, end those of up to `MAX_SWEPT` requests that are QUEUED and past their deadline.

        With `cancelled`, cancel all that are QUEUED. Returns the ids of the ended ones.
        """
        args = {"requests": list(request_ids), "cancelled": cancelled}
        [(_, *endings)] = self._move(args=_call("sweep", "", args))
        return [ending.request_id for ending in _measured(endings)]

    def promote(self, request_id: str) -> None:
        """Requeue a request after its delay. Raises `IllegalMove`: stale (it is not delayed)."""
        self._run("promote", request_id)

    def read(self, request_id: str) -> Record | None:
        text = as_text(self._redis.hgetall(keyspace.request(request_id)))
        return Record.from_text(request_id, text) if "status" in text else None

    def _send(self, call: _Call, read: _Read) -> list[Any]:
        [reply] = self._move(args=call)
        return read(reply)


class MovePipeline(AttemptMoves):
    """Collects moves until `send`, which makes them in one round trip with one write to disk.

    The methods of moves return and raise nothing; `send` returns their results.
    """

    def __init__(self, move: Script, settings: Settings) -> None:
        super().__init__(move, settings)
        self._calls: list[tuple[_Call, _Read, Context]] = []

    def send(self) -> list[Result]:
        """The result of each move. Raises `redis.RedisError` if they are unknown; `send` may be repeated."""
        replies = self._move(args=[word for call, _, _ in self._calls for word in call])
        calls = zip(self._calls, replies, strict=True)
        return [context.run(_returned_or_raised, read, reply) for (_, read, context), reply in calls]

    def _send(self, call: _Call, read: _Read) -> list[Any]:
        self._calls.append((call, read, copy_context()))  # with the fields that log lines carry
        return []


def _call(move: str, request_id: str, args: Mapping[str, Any]) -> _Call:
    return move, request_id, json.dumps({"stamp": utcformat(now()), **args})


def _reported(attempt: int, stages: Mapping[str, float], occupied_s: float) -> dict[str, Any]:
    return {"attempt": str(attempt), "metrics": json.dumps(stages), "occupied": round(occupied_s * 1000)}


def _result(reply: Any) -> list[Any]:
    """What a move returned; raises its error, and logs the failures of requests that it ended."""
    if isinstance(reply, Exception):
        raise reply
    result: list[Any]
    result, *endings = reply
    for ending in _measured(endings):
        ending.log_failure()
    return result


def _returned_or_raised(read: _Read, reply: Any) -> Result:
    try:
        return read(reply)
    except (moves.IllegalMove, RedisError) as error:
        return error


def _measured(texts: list[bytes]) -> list[moves.Ending]:
    """Parse the requests that a move has ended, and count them in the metrics."""
    endings = [moves.Ending(*each) for text in texts for each in json.loads(text)]
    for ending in endings:
        ending.measure()
    return endings


def _shown(entry: bytes) -> str:
    """A queue entry for a log line: short, without line breaks."""
    return ascii(entry.decode("ascii", "replace")[:50])
