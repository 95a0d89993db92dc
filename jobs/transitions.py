"""The moves of the state machine in `transition.lua`, as methods."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline

from jobs import keyspace
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


class Transitions:
    """Changes requests, each change in one atomic step on Redis's own clock."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._script = redis.register_script(SCRIPT)
        self._ttl_ms = settings.result_ttl_s * 1000

    def create(self, request_id: str, key_id: str, params: Mapping[str, Any], pipeline: Pipeline) -> None:
        """Queue the step that makes a QUEUED record on `pipeline`, to run with whatever else it holds."""
        start_ms, life_ms = self._settings.start_timeout_s * 1000, self._settings.longest_life_s * 1000
        fields = {"key_id": key_id, "params": json.dumps(params)}
        flat = [item for pair in fields.items() for item in pair]
        self._run("create", request_id, start_ms, life_ms, *flat, client=pipeline)

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

    def _move(self, move: str, request_id: str, *args: object, picture: str | None = None) -> list[bytes]:
        answer = self._run(move, request_id, *args, picture=picture)
        if answer[0] != b"ok":
            raise IllegalMove(move, request_id, answer[0].decode())
        return answer

    def _run(
        self,
        move: str,
        request_id: str,
        *args: object,
        picture: str | None = None,
        client: Redis | Pipeline | None = None,
    ) -> list[bytes]:
        keys = [keyspace.request(request_id), keyspace.WAITING, keyspace.DEADLINES]
        if picture:
            keys.append(picture)
        argv = [str(arg) for arg in (move, request_id, keyspace.CHANGES, *args)]
        answer: list[bytes] = self._script(keys=keys, args=argv, client=client)
        return answer
