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

NOT_OURS = "is a picture of this service that does not exist or has expired"


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
        references, inline, tokens, faults = {}, {}, {}, {}
        for name in PICTURES:
            text = params.get(name)
            if text is None:
                continue
            try:
                if not inputs.is_url(text):
                    inline[name] = inputs.decode_inline(text, self._settings.max_input_bytes)
                elif token := _own_token(text, origin):
                    tokens[name] = token
                else:
                    references[name] = _sample_or_url(text, origin)
            except inputs.InvalidInput as fault:
                faults[name] = str(fault)
        own = self._own(tokens, key_id)
        faults |= {name: NOT_OURS for name in tokens if name not in own}
        if faults:
            raise InvalidPictures(faults)
        return references | own | {name: self._keep(data) for name, data in inline.items()}

    def _own(self, tokens: Mapping[str, str], key_id: str) -> dict[str, str]:
        """References to those pictures of ours that are the key's, in one round trip."""
        if not tokens:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for token in tokens.values():
                pipe.hmget(keyspace.picture(token), "path", "owner")
            found = dict(zip(tokens, pipe.execute(), strict=True))
        return {
            name: inputs.STORE + str_if_bytes(path)
            for name, (path, owner) in found.items()
            if path is not None and owner is not None and str_if_bytes(owner) == key_id
        }

    def _keep(self, data: bytes) -> str:
        expires_at = time.time() + self._settings.longest_life_s
        path = self._store.new_path("inputs", new_token(), expires_at)
        self._store.put(path, data)
        return inputs.STORE + path


def _own_token(text: str, origin: str) -> str | None:
    """The public name in the URL of a picture of ours; None for any other URL. Raises `InvalidInput`."""
    inputs.check_url(text)
    prefix = f"{origin}/pictures/"
    return text.removeprefix(prefix).partition(".")[0] if text.startswith(prefix) else None


def _sample_or_url(text: str, origin: str) -> str:
    prefix = f"{origin}/samples/"
    if not text.startswith(prefix):
        return text
    if inputs.sample_bytes(text.removeprefix(prefix)) is None:
        raise inputs.InvalidInput(NOT_OURS)
    return inputs.SAMPLE + text.removeprefix(prefix)
