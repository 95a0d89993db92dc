"""Accepting a request: its inline inputs to the store, then record and job in one step."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.utils import str_if_bytes

from jobs import inputs, keyspace
from jobs.queue import enqueueing, open_queue
from jobs.settings import Settings
from jobs.store import PictureStore, new_token
from jobs.transitions import Transitions

PICTURES = ("base_image", "overlay_image", "mask")


class InvalidPictures(ValueError):
    """One or more pictures of a request cannot be used; `faults` maps parameter to text."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {fault}" for name, fault in faults.items()))
        self.faults = faults


@dataclass(frozen=True)
class Accepted:
    """A request that has been accepted; `credits` is what its key has left, None: unlimited."""

    request_id: str
    credits: int | None


class Submission:
    """Accepts requests whose parameters have been checked."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._queue = open_queue(redis)
        self._transitions = Transitions(redis, settings)

    def submit(self, params: Mapping[str, Any], key_id: str, origin: str) -> Accepted:
        """Accept a request; `origin` is the URL our own pictures are served under.

        Raises `InvalidPictures`, `NotEnoughCredits`, `IllegalMove` (revoked); `redis.RedisError` or
        `obstore.exceptions.BaseError` if the queue or the store cannot be reached. Then nothing was accepted.
        """
        request_id = str(uuid4())
        stored = {**params, **self._references(params, key_id, origin)}
        commands = enqueueing(self._queue, self._settings, request_id)
        return Accepted(request_id, self._transitions.create(request_id, key_id, stored, commands))

    def _references(self, params: Mapping[str, Any], key_id: str, origin: str) -> dict[str, str]:
        references, inline, faults = {}, {}, {}
        for name in PICTURES:
            if params.get(name) is None:
                continue
            try:
                reference = self._own_or_fetched(params[name], key_id, origin)
                if reference:
                    references[name] = reference
                else:
                    inline[name] = inputs.decode_inline(params[name], self._settings.max_input_bytes)
            except inputs.InvalidInput as fault:
                faults[name] = str(fault)
        if faults:
            raise InvalidPictures(faults)
        return references | {name: self._keep(data) for name, data in inline.items()}

    def _own_or_fetched(self, text: str, key_id: str, origin: str) -> str | None:
        """A reference that needs no bytes now; None for an inline picture."""
        if not inputs.is_url(text):
            return None
        inputs.check_url(text)
        folder, _, name = text.removeprefix(f"{origin}/").partition("/")
        if not text.startswith(f"{origin}/") or folder not in ("samples", "pictures"):
            return text
        if folder == "samples" and inputs.sample_bytes(name) is not None:
            return inputs.SAMPLE + name
        path, owner = self._redis.hmget(keyspace.picture(name.partition(".")[0]), "path", "owner")
        if path is None or owner is None or str_if_bytes(owner) != key_id:
            raise inputs.InvalidInput("is a picture of this service that does not exist or has expired")
        return inputs.STORE + str_if_bytes(path)

    def _keep(self, data: bytes) -> str:
        expires_at = time.time() + self._settings.longest_life_s
        path = self._store.new_path("inputs", new_token(), expires_at)
        self._store.put(path, data)
        return inputs.STORE + path
