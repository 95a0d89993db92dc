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
        """Its picture and the inputs that came within it, then its record, its event and all that names it.

        The files go first: while the store fails, the request is still there to be deleted again.

        Raises `IllegalMove`: missing, unfinished; `redis.RedisError`, `obstore.exceptions.BaseError`.
        """
        status, output, inputs = self._redis.hmget(keyspace.request(request_id), "status", "output", "inputs")
        if status is not None and str_if_bytes(status) in TERMINAL:
            made = [json.loads(output)["path"]] if output else []
            self._store.delete([*str_if_bytes(inputs or "").split(), *made])
        said = str_if_bytes(self._delete(args=[request_id]))
        if said != "ok":
            raise IllegalMove("delete", request_id, said)
        log.info("request %s deleted", request_id)
