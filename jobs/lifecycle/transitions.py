"""The moves of the state machine in `transition.lua`, as methods."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from redis import Redis
from rq.utils import now, utcformat

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle import moves
from jobs.lifecycle.deadlines import AHEAD_S, GRACE_S, Deadlines
from jobs.lifecycle.idempotency import Idempotency, IdempotencyConflict
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.output import Output
from jobs.lifecycle.queue import RQ_TTL_S, job_fields
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import TERMINAL, FailureCode, Status
from jobs.redis.lua import local
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script
from jobs.timefmt import retry_after
from telemetry import metrics

_PARTS = ("dequeue.lua", "request.lua", "write_buffer.lua", "transport.lua", "transition.lua")
_SCRIPT = keyspace.lua() + "".join(Path(__file__).with_name(part).read_text() for part in _PARTS)

IN_TRANSIT_S = 5
"""After this time between queue and claim a request is put back."""

metrics.declare_failures([code.value for code in FailureCode])

HORIZON_S = 5
"""Inputs are fetched ahead for requests that are likely to start within this time."""

WINDOW = 256
"""How many of the next requests fetch-ahead considers."""

SWEEP_WINDOW, SWEEP_MOST = 1000, 200
"""Entries that one sweep reads, and requests it ends at most: Redis does nothing else meanwhile."""

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
        known = local(settings=_script_settings(settings), TERMINAL=dict.fromkeys(sorted(TERMINAL), True))
        # A Redis whose memory is full refuses to create requests, before it has changed anything; those that
        # were accepted still go on to their end.
        self._create = Script(redis, known + _SCRIPT)
        self._move = Script(redis, OOM_EXEMPT + known + _SCRIPT)

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
        answer, *_ = self._create([keyspace.request(request_id)], ["create", request_id, json.dumps(args)])
        created = self._created(request_id, answer)
        if not created.replayed:
            metrics.count_accepted(0 if created.credits is None else settings.credit_cost)
        return created

    def claim(self, request_id: str, owner: LeaseOwner, fetching: int = 0) -> moves.Claim:
        """Begin an attempt, counted before any work is done; a repeated claim returns the same attempt.

        `fetching`: for how many waiting requests the owner is fetching inputs. Raises `IllegalMove`: held
        (another owner has the lease), exhausted (it has FAILED `worker_lost`), late (it has FAILED
        `timeout`).
        """
        return self._claim("claim", request_id, owner, fetching)

    def next(self, owner: LeaseOwner, fetching: int = 0) -> moves.Claim | None:
        """Take a request from the queue and claim it, in one step; None if none waits.

        Raises `IllegalMove` as `claim` does; refused, for an entry that is no request.
        """
        try:
            return self._claim("next", "", owner, fetching)
        except moves.IllegalMove as refused:
            if refused.reason == "empty":
                return None
            raise

    def renew(self, request_id: str, attempt: int) -> None:
        """Renew the lease. Raises `IllegalMove`: stale (the lease was ended)."""
        self._run("renew", request_id, attempt=str(attempt))

    def complete(self, request_id: str, attempt: int, output: Output, stages: Mapping[str, float]) -> None:
        """End as COMPLETED and publish the picture, which must already be in the store.

        Raises `IllegalMove`: stale (a later attempt has begun), late (it has FAILED `timeout`).
        """
        self._report(
            "complete",
            request_id,
            attempt,
            stages,
            output=json.dumps(asdict(output)),
            token=output.token,
            path=output.path,
            content_type=output.content_type,
            file_size=output.file_size,
        )

    def fail(
        self, request_id: str, attempt: int, failure: moves.Failure, stages: Mapping[str, float]
    ) -> None:
        """End as FAILED. Raises `IllegalMove`: stale."""
        self._report("fail", request_id, attempt, stages, failure=asdict(failure))

    def time_out(self, request_id: str, attempt: int) -> None:
        """End as FAILED `timeout`, its time being up. Raises `IllegalMove`: stale."""
        self._run("time_out", request_id, attempt=str(attempt))

    def retry(self, request_id: str, attempt: int, failure: moves.Failure, delay_s: float = 0) -> None:
        """End this attempt; the next one may begin after a while.

        Raises `IllegalMove`: stale; exhausted or late, if no attempt or no time is left (then the request
        has FAILED with `failure`).
        """
        delay = round(delay_s * 1000)
        self._run("retry", request_id, attempt=str(attempt), delay=delay, failure=asdict(failure))
        metrics.count_retry(failure.code)

    def give_back(self, request_id: str, attempt: int) -> None:
        """End this attempt without counting it. Raises `IllegalMove`: stale, late."""
        self._run("give_back", request_id, attempt=str(attempt))

    def reclaim(self, request_id: str, attempt: str | None = None) -> None:
        """End a lease that has expired, or that of an `attempt` whose process is gone for certain.

        Raises `IllegalMove`: early, stale; exhausted, late (then the request has FAILED).
        """
        self._run("reclaim", request_id, **({} if attempt is None else {"attempt": attempt}))
        metrics.count_redelivery()

    def cancel(self, request_id: str, failure: moves.Failure) -> moves.Cancelled:
        """End as FAILED, also while a worker has it."""
        _, was, worker = self._run("cancel", request_id, failure=asdict(failure))
        return moves.Cancelled(Status(was.decode()), worker.decode())

    def expire(self, request_id: str) -> None:
        """End as FAILED `timeout` if its deadline has passed. Raises `IllegalMove`: early."""
        self._run("expire", request_id)

    def sweep(self, skip: int) -> moves.Swept:
        """End some QUEUED requests whose deadline has passed, at once, behind the queue's first `skip`."""
        args = json.dumps({"stamp": utcformat(now()), "skip": skip})
        looked, kept, swept = self._move([], ["sweep", "", args])
        endings = [moves.Ending(*each) for each in json.loads(swept)]
        for ending in endings:
            ending.measure()
        return moves.Swept(looked, kept, [ending.request_id for ending in endings])

    def redeliver(self, request_id: str) -> None:
        """Requeue a request that has been in transit to a worker for too long.

        Raises `IllegalMove`: early, held (it has arrived).
        """
        self._run("redeliver", request_id, patience=IN_TRANSIT_S * 1000)
        metrics.count_redelivery()

    def promote(self, request_id: str) -> None:
        """Requeue a request whose delay is over. Raises `IllegalMove`: stale (it is not delayed)."""
        self._run("promote", request_id)

    def read(self, request_id: str) -> Record | None:
        """The record as it is now; None if unknown or expired."""
        return Record.from_hash(request_id, self._redis.hgetall(keyspace.request(request_id)))

    def _claim(self, move: str, request_id: str, owner: LeaseOwner, fetching: int) -> moves.Claim:
        answer = self._run(move, request_id, **asdict(owner), fetching=fetching)
        found, attempt, key_id, params, left_ms, deadline_ms, traceparent, age_ms, ahead = answer[1:]
        return moves.Claim(
            found.decode(),
            int(attempt),
            key_id.decode(),
            json.loads(params),
            float(left_ms) / 1000,
            float(deadline_ms) / 1000 + self._settings.result_ttl_s,
            traceparent.decode(),
            int(age_ms) / 1000,
            [
                moves.Waiting(waiting.decode(), owner.decode(), json.loads(params))
                for waiting, owner, params in ahead
            ],
        )

    def _report(
        self, move: str, request_id: str, attempt: int, stages: Mapping[str, float], **args: Any
    ) -> None:
        waited_ms = round(stages.get("fetch", 0) * 1000)  # in which the worker could do other work
        self._run(
            move, request_id, attempt=str(attempt), metrics=json.dumps(stages), waited=waited_ms, **args
        )
        metrics.observe_stages(stages)

    def _run(self, move: str, request_id: str, **args: Any) -> list[Any]:
        said = {"stamp": utcformat(now()), **args}
        answer, *ended = self._move([keyspace.request(request_id)], [move, request_id, json.dumps(said)])
        if ended:
            ending = moves.Ending(*json.loads(ended[0]))
            ending.measure()
            ending.log_failure()
        if answer[0] != b"ok":
            raise moves.IllegalMove(move, request_id or _shown(answer[1:]), answer[0].decode())
        return list(answer)

    def _created(self, request_id: str, answer: list[bytes]) -> moves.Created:
        match answer:
            case [b"ok", credits]:
                return moves.Created(request_id, _credits(credits), replayed=False)
            case [b"replayed", first, credits]:
                return moves.Created(first.decode(), _credits(credits), replayed=True)
            case [b"conflict", *_]:
                raise IdempotencyConflict
            case [b"credits", balance]:
                raise moves.NotEnoughCredits(balance=int(balance), needed=self._settings.credit_cost)
            case [b"full", whose, bound, wait_ms]:
                wait_s = min(retry_after(int(wait_ms) / 1000), LONGEST_RETRY_AFTER_S)
                raise moves.QueueFull(whose.decode(), int(bound), wait_s)
        raise moves.IllegalMove("create", request_id, answer[0].decode())


def _script_settings(settings: Settings) -> dict[str, Any]:
    return {
        "ttl": settings.result_ttl_s * 1000,
        "rq_ttl_s": RQ_TTL_S,
        "lease": round(settings.lease_s * 1000),
        "grace": GRACE_S * 1000,
        "max_attempts": settings.max_attempts,
        "kept_params": KEPT_PARAMS_BYTES,
        "ahead": settings.fetch_ahead,
        "horizon": HORIZON_S * 1000,
        "ahead_for": AHEAD_S * 1000,
        "window": WINDOW,
        "sweep_window": SWEEP_WINDOW,
        "sweep_most": SWEEP_MOST,
        "rq_job": [word for field in job_fields().items() for word in field],
        "lost": {"code": FailureCode.WORKER_LOST, "error": LOST},
        "unstarted": {"code": FailureCode.TIMEOUT, "error": UNSTARTED},
        "unfinished": {"code": FailureCode.TIMEOUT, "error": UNFINISHED},
    }


def _credits(answer: bytes) -> int | None:
    return None if answer == b"unlimited" else int(answer)


def _shown(entry: list[bytes]) -> str:
    """An entry of the queue, short enough for a log and without line ends."""
    return ascii(entry[0].decode("ascii", "replace")[:50]) if entry else ""
