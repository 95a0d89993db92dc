"""Submits an ended request again: same parameters, same key, new copies of its inputs."""

import json
from typing import Any
from uuid import uuid4

from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import Deadlines, Idempotency, NewRequest
from jobs.lifecycle.move_script import MAX_FAILED_PARAMS_BYTES
from jobs.lifecycle.moves import Created
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.status import TERMINAL
from jobs.lifecycle.transitions import Transitions
from jobs.pictures import inputs
from jobs.pictures.references import SLACK_S
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.connection import redis_time
from jobs.redis.hashes import as_text
from jobs.submission import is_certain_rejection


class CannotResubmit(Exception):
    """The request cannot be submitted again; the text says why."""


class Resubmission:
    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._transitions = Transitions(redis, settings)

    def resubmit(
        self, request_id: str, idempotency_key: str | None = None, traceparent: str | None = None
    ) -> Created:
        """Create a request with the same parameters and timeout; the settings limit its wait for a start.

        Raises `CannotResubmit`, and the errors of `Submission.submit` but `InvalidPictures`.
        """
        record = as_text(self._redis.hgetall(keyspace.request(request_id)))
        params = self._params(request_id, record)
        deadlines = Deadlines(self._settings.start_timeout_s, int(record["timeout"]) / 1000)
        key_id = record["key_id"]
        submitted = {"retry_of": request_id}
        copies = list[str]()
        try:
            new = NewRequest(
                str(uuid4()),
                key_id,
                self._with_copied_inputs(params, deadlines, copies),
                deadlines,
                Idempotency.of(idempotency_key, key_id, submitted) if idempotency_key else None,
                traceparent,
                RequestOptions(custom_id=record.get("custom_id")),
                tuple(copies),
                json.loads(record["webhook"]) if "webhook" in record else None,
            )
            created = self._transitions.create(new)
        except Exception as error:
            if is_certain_rejection(error):
                self._store.discard(copies)
            raise
        if created.replayed:
            self._store.discard(copies)
        return created

    def _params(self, request_id: str, record: dict[str, str]) -> dict[str, Any]:
        if not record:
            raise CannotResubmit(f"there is no request {request_id}: it never existed or has expired")
        if record["status"] not in TERMINAL:
            raise CannotResubmit(f"{request_id} is {record['status']}: cancel it first, or wait for its end")
        params: dict[str, Any] = json.loads(record["params"])
        if not params:
            raise CannotResubmit(
                f"the parameters of {request_id} are no longer stored: a FAILED request keeps only those of "
                f"up to {MAX_FAILED_PARAMS_BYTES:,} bytes; submit it again with its parameters"
            )
        return params

    def _with_copied_inputs(
        self, params: dict[str, Any], deadlines: Deadlines, copies: list[str]
    ) -> dict[str, Any]:
        """Copy inputs within the store, since the originals may expire before the new request ends.

        Adds the paths of the copies to `copies`.
        """
        pictures = inputs.pictures(params)
        expires_at = redis_time(self._redis) + deadlines.longest_s + SLACK_S
        copied = dict[str, str]()
        for name, text in pictures.items():
            if text.startswith(inputs.STORE) and text not in copied:
                copies.append(self._store.new_path("inputs", new_token(), expires_at))
                self._copy(name, text.removeprefix(inputs.STORE), copies[-1])
                copied[text] = inputs.STORE + copies[-1]
        references = {name: copied[text] for name, text in pictures.items() if text in copied}
        return inputs.with_pictures(params, references)

    def _copy(self, name: str, path: str, to: str) -> None:
        try:
            self._store.copy(path, to)
        except FileNotFoundError:
            raise CannotResubmit(
                f"its {name} is no longer stored: an inline picture is deleted once its request must have "
                "ended, uploads and results when they expire; submit it again with the picture"
            ) from None
