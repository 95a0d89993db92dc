"""Cleans RQ's registries of our queue: removes expired entries and those that RQ cannot read.

Other applications may use RQ in the same database, so only entries of our own workers are removed from
`rq:workers` and `rq:queues`, which they share with us.

RQ's own clean-up fetches jobs, calls the functions that their hashes name, and fails at unreadable values.
"""

import logging
import re
from collections.abc import Iterable
from typing import Any

from redis import Redis
from rq.worker_registration import clean_worker_registry

from jobs import keyspace
from jobs.queue.rq import REQUEST_ID, open_queue
from jobs.redis.connection import redis_time

TYPES = {
    keyspace.RQ_QUEUE: b"list",
    keyspace.RQ_INTERMEDIATE: b"list",
    keyspace.RQ_STARTED: b"zset",
    keyspace.RQ_SCHEDULED: b"zset",
    keyspace.RQ_FINISHED: b"zset",
    keyspace.RQ_FAILED: b"zset",
    keyspace.RQ_WORKERS: b"set",
    keyspace.RQ_ALL_WORKERS: b"set",
    keyspace.RQ_QUEUES: b"set",
}

_EXECUTION = re.compile(REQUEST_ID.pattern.encode() + rb":[0-9a-f]{32}")
_ID = re.compile(REQUEST_ID.pattern.encode())
_WORKER = re.compile(rb"rq:worker:[\w.-]+")

log = logging.getLogger("superimpose.registries")


def clean(redis: Redis) -> None:
    """Remove invalid and expired entries, and workers that are gone."""
    purge(redis)
    for key in (keyspace.RQ_STARTED, keyspace.RQ_FINISHED, keyspace.RQ_FAILED):
        redis.zremrangebyscore(key, "-inf", redis_time(redis))
    clean_worker_registry(open_queue(redis))


def purge(connection: Redis) -> None:
    """Delete keys of a wrong type, at which RQ fails, and malformed entries of our queue."""
    redis: Any = connection  # redis-py's types assume text
    for key, kind in TYPES.items():
        if redis.type(key) not in (kind, b"none"):
            log.error("%s is not a %s, deleted", key, kind.decode())
            redis.delete(key)
    for entry in _malformed(_ID, redis.lrange(keyspace.RQ_INTERMEDIATE, 0, -1)):
        redis.lrem(keyspace.RQ_INTERMEDIATE, 0, entry)
    for entry in _malformed(_ID, redis.zrange(keyspace.RQ_SCHEDULED, 0, -1)):
        redis.zrem(keyspace.RQ_SCHEDULED, entry)
    for entry in _malformed(_EXECUTION, redis.zrange(keyspace.RQ_STARTED, 0, -1)):
        redis.zrem(keyspace.RQ_STARTED, entry)
    for entry in _malformed(_WORKER, redis.smembers(keyspace.RQ_WORKERS)):
        redis.srem(keyspace.RQ_WORKERS, entry)


def _malformed(form: re.Pattern[bytes], entries: Iterable[bytes]) -> list[bytes]:
    malformed = [entry for entry in entries if not form.fullmatch(entry)]
    for entry in malformed:
        log.warning("malformed entry, dropped: %s", ascii(entry[:50]))
    return malformed
