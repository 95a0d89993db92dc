"""The moves of the state machine in `transition.lua`, as methods."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from redis import Redis
from redis.typing import EncodableT

from jobs import keyspace
from jobs.queue import Command
from jobs.record import Output, Record
from jobs.settings import Settings
from jobs.status import FailureCode

SCRIPT = Path(__file__).with_name("transition.lua").read_text()

LOST = "the worker died while it made this picture, more than once; submit it again or report it"
LATE = "no worker was free in time; submit it again later"


class IllegalMove(Exception):
    """The state machine refused a move; `reason` is its word for why."""

    def __init__(self, move: str, request_id: str, reason: str) -> None:
        super().__init__(f"{move} {request_id}: {reason}")
        self.reason = reason


class NotEnoughCredits(Exception):
    """A key has fewer credits than a request costs."""

    def __init__(self, balance: int, needed: int) -> None:
        super().__init__(f"{balance} credits, {needed} needed")
        self.balance = balance
        self.needed = needed


class Transitions:
    """Changes requests, each change in one atomic step on Redis's own clock."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._script = redis.register_script(SCRIPT)
        self._ttl_ms = settings.result_ttl_s * 1000

    def create(
        self, request_id: str, key_id: str, params: Mapping[str, Any], queue_commands: Iterable[Command] = ()
    ) -> int | None:
        """Make a QUEUED record, hold its credits and run the queue's commands, all or nothing.

        Returns the credits left, None if they are unlimited. Raises `NotEnoughCredits`; `IllegalMove`:
        exists, revoked (the key is no longer valid).
        """
        settings = self._settings
        words = [word for command in queue_commands for word in (len(command), *command)]
        start_ms, cost = settings.start_timeout_s * 1000, settings.credit_cost
        answer = self._run("create", request_id, start_ms, key_id, cost, json.dumps(params), *words)
        if answer[0] == b"credits":
            raise NotEnoughCredits(balance=int(answer[1]), needed=cost)
        self._refuse_unless_ok("create", request_id, answer)
        return None if answer[1] == b"unlimited" else int(answer[1])

    def claim(self, request_id: str) -> tuple[int, dict[str, Any]]:
        """Begin an attempt, counted before any work is done; returns its number, from 1, and the parameters.

        Raises `IllegalMove`: missing, terminal, or exhausted (then the request has FAILED `worker_lost`).
        """
        answer = self._move(
            "claim",
            request_id,
            self._settings.attempt_timeout_s * 1000,
            self._settings.max_attempts,
            self._ttl_ms,
            FailureCode.WORKER_LOST,
            LOST,
        )
        return int(answer[1]), json.loads(answer[2])

    def complete(self, request_id: str, attempt: int, output: Output, stages: Mapping[str, float]) -> None:
        """End as COMPLETED and publish the picture, which must already be in the store.

        Raises `IllegalMove`: missing, terminal, or stale (a later attempt has taken over).
        """
        self._move(
            "complete",
            request_id,
            attempt,
            self._ttl_ms,
            json.dumps(asdict(output)),
            json.dumps(stages),
            output.path,
            output.content_type,
            output.file_size,
            picture=keyspace.picture(output.token),
        )

    def fail(
        self,
        request_id: str,
        code: FailureCode,
        error: str,
        attempt: int | None = None,
        stages: Mapping[str, float] | None = None,
    ) -> None:
        """End as FAILED. `attempt` None: whoever is at it. Raises `IllegalMove`: missing, terminal, stale."""
        fence = "" if attempt is None else attempt
        self._move("fail", request_id, fence, self._ttl_ms, code, error, json.dumps(stages or {}))

    def expire(self, request_id: str) -> None:
        """End as FAILED if its deadline has passed. Raises `IllegalMove`: missing, terminal, early."""
        self._move(
            "expire", request_id, self._ttl_ms, FailureCode.TIMEOUT, LATE, FailureCode.WORKER_LOST, LOST
        )

    def read(self, request_id: str) -> Record | None:
        """The record as it is now; None if unknown or expired."""
        return Record.from_hash(request_id, self._redis.hgetall(keyspace.request(request_id)))

    def _move(self, move: str, request_id: str, *args: EncodableT, picture: str | None = None) -> list[bytes]:
        answer = self._run(move, request_id, *args, picture=picture)
        self._refuse_unless_ok(move, request_id, answer)
        return answer

    def _run(self, move: str, request_id: str, *args: EncodableT, picture: str | None = None) -> list[bytes]:
        keys = [keyspace.request(request_id), keyspace.WAITING, keyspace.DEADLINES]
        if picture:
            keys.append(picture)
        argv = [move, request_id, keyspace.CHANGES, keyspace.api_key(""), *args]
        answer: list[bytes] = self._script(keys=keys, args=argv)
        return answer

    @staticmethod
    def _refuse_unless_ok(move: str, request_id: str, answer: list[bytes]) -> None:
        if answer[0] != b"ok":
            raise IllegalMove(move, request_id, answer[0].decode())
