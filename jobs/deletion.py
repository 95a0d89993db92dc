"""Deleting requests that have ended, before they expire."""

import json
import logging

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import TERMINAL
from jobs.pictures.store import PictureStore
from jobs.redis.script import OOM_EXEMPT, Script, read_script
from jobs.webhooks import schedule

_FILES = ("lifecycle/request.lua", "lifecycle/lists.lua", "webhooks/event.lua", "lifecycle/delete.lua")

log = logging.getLogger("superimpose.jobs")


class Deletion:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._redis = redis
        self._store = store
        terminal = dict.fromkeys(sorted(TERMINAL), True)
        text = read_script(*_FILES, **schedule.IN_SCRIPTS, TERMINAL=terminal)
        self._delete = Script(redis, OOM_EXEMPT + text)

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
