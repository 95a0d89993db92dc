"""A request that has ended, submitted anew: the same parameters, the same key, fresh copies of its inputs."""

import json
from typing import Any
from uuid import uuid4

from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.idempotency import Idempotency
from jobs.lifecycle.move_script import KEPT_PARAMS_BYTES
from jobs.lifecycle.moves import Created
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.status import TERMINAL
from jobs.lifecycle.transitions import Transitions
from jobs.pictures import inputs
from jobs.pictures.references import SLACK_S
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.connection import redis_time
from jobs.redis.hashes import as_text
from jobs.submission import is_refusal


class CannotResubmit(Exception):
    """This request cannot be submitted again; the text says why."""


class Resubmission:
    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._transitions = Transitions(redis, settings)

    def resubmit(
        self, request_id: str, idempotency_key: str | None = None, traceparent: str | None = None
    ) -> Created:
        """A new request like this one, with what the settings allow for its start.

        Raises `CannotResubmit`, and as `Submission.submit` does `NotEnoughCredits`, `QueueFull`,
        `IdempotencyConflict`, `IllegalMove` (revoked), `redis.RedisError` and
        `obstore.exceptions.BaseError`.
        """
        kept = as_text(self._redis.hgetall(keyspace.request(request_id)))
        params = self._params(request_id, kept)
        deadlines = Deadlines(self._settings.start_timeout_s, int(kept["timeout"]) / 1000)
        copies = list[str]()
        try:
            fresh = self._with_fresh_inputs(params, deadlines, copies)
            key_id, options = kept["key_id"], RequestOptions(custom_id=kept.get("custom_id"))
            again = {"retry_of": request_id}
            new = NewRequest(
                str(uuid4()),
                key_id,
                fresh,
                deadlines,
                Idempotency.of(idempotency_key, key_id, again) if idempotency_key else None,
                traceparent,
                options,
                tuple(copies),
                json.loads(kept["webhook"]) if "webhook" in kept else None,
            )
            created = self._transitions.create(new)
        except Exception as error:
            if is_refusal(error):
                self._store.discard(copies)
            raise
        if created.replayed:
            self._store.discard(copies)
        return created

    def _params(self, request_id: str, kept: dict[str, str]) -> dict[str, Any]:
        if not kept:
            raise CannotResubmit(f"there is no request {request_id}: it never existed or has expired")
        if kept["status"] not in TERMINAL:
            raise CannotResubmit(f"{request_id} is {kept['status']}: cancel it first, or wait for its end")
        params: dict[str, Any] = json.loads(kept["params"])
        if not params:
            raise CannotResubmit(
                f"what {request_id} asked for was not kept: of a FAILED request it is up to "
                f"{KEPT_PARAMS_BYTES:,} bytes; submit it again with its parameters"
            )
        return params

    def _with_fresh_inputs(
        self, params: dict[str, Any], deadlines: Deadlines, copies: list[str]
    ) -> dict[str, Any]:
        """Those that lie in the store are copied: what is there need not outlive the new request.

        The paths of the copies are added to `copies`.
        """
        pictures = inputs.pictures(params)
        expires_at = redis_time(self._redis) + deadlines.longest_s + SLACK_S
        fresh = dict[str, str]()
        for name, text in pictures.items():
            if text.startswith(inputs.STORE) and text not in fresh:
                copies.append(self._store.new_path("inputs", new_token(), expires_at))
                self._copy(name, text.removeprefix(inputs.STORE), copies[-1])
                fresh[text] = inputs.STORE + copies[-1]
        references = {name: fresh[text] for name, text in pictures.items() if text in fresh}
        return inputs.with_pictures(params, references)

    def _copy(self, name: str, path: str, to: str) -> None:
        try:
            self._store.copy(path, to)
        except FileNotFoundError:
            raise CannotResubmit(
                f"its {name} is not there any more: what came within a request is kept until that must have "
                "ended, uploads and results for their own time; submit it again with the picture"
            ) from None
