"""Deleting requests that have ended, before they expire."""

import json
import logging
from pathlib import Path

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import TERMINAL
from jobs.pictures.store import PictureStore
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script
from jobs.webhooks.scripts import CONSTANTS as EVENT_CONSTANTS

_PARTS = ("request.lua", "lists.lua", "../webhooks/event.lua", "../delete.lua")

log = logging.getLogger("superimpose.jobs")


class Deletion:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        lifecycle = Path(__file__).parent / "lifecycle"
        text = "".join((lifecycle / part).read_text() for part in _PARTS)
        terminal = dict.fromkeys(sorted(TERMINAL), True)
        self._redis = redis
        self._store = store
        self._delete = Script(redis, OOM_EXEMPT + keyspace.script(text, **EVENT_CONSTANTS, TERMINAL=terminal))

    def delete(self, request_id: str) -> None:
        """Delete the picture and the inline inputs, then the record, the event and every reference to them.

        Files go first: when the store fails, the request still exists and the call can be repeated.

        Raises `IllegalMove`: missing, unfinished; `redis.RedisError`, `obstore.exceptions.BaseError`.
        """
        status, output, inputs = self._redis.hmget(keyspace.request(request_id), "status", "output", "inputs")
        if status is not None and str_if_bytes(status) in TERMINAL:
            result = [json.loads(output)["path"]] if output else []
            self._store.delete([*str_if_bytes(inputs or "").split(), *result])
        outcome = str_if_bytes(self._delete(args=[request_id]))
        if outcome != "ok":
            raise IllegalMove("delete", request_id, outcome)
        log.info("request %s deleted", request_id)
