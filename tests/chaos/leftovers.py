"""Checks that no keys, files and processes are left after a run."""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import psutil
from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.pictures.store import MINUTE, PictureStore
from jobs.queue.rq import REQUEST_ID, RQ_TTL_S
from jobs.webhooks.schedule import LANES
from tests.chaos.events import undelivered
from tests.chaos.process_table import processes
from tests.chaos.service import Service

MUST_BE_EMPTY = (
    keyspace.RQ_QUEUE,
    keyspace.RQ_INTERMEDIATE,
    keyspace.RQ_STARTED,
    keyspace.RQ_SCHEDULED,
    keyspace.WAITING,
    keyspace.TURNS,
    keyspace.LAST_TURNS,
    keyspace.DEADLINES,
    keyspace.LEASES,
    keyspace.OPEN_BATCHES,
    *map(keyspace.lane, LANES),
)
MUST_BE_GONE = (keyspace.key_queue("*"), keyspace.archive("*"))
EVENTS_OF_RECEIVERS = (keyspace.untried_events("*"), keyspace.tried_events("*"))

STAGING = re.compile(r"#\d+$")
"""Names of files that the store has not completely written."""


def not_empty(redis: Redis) -> Iterator[str]:
    """A sentence for each queue, registry and lane that is not empty."""
    events = [str_if_bytes(key) for name in EVENTS_OF_RECEIVERS for key in redis.scan_iter(name, 1000)]
    for key in (*MUST_BE_EMPTY, *events):
        if members := _members(redis, key):
            yield f"{key} has {len(members)} entries: {members[:3]}"
    for name in MUST_BE_GONE:
        yield from [f"{str_if_bytes(key)} is left" for key in redis.scan_iter(name, 1000)]


def wrong_counts(redis: Redis, key_ids: Iterable[str]) -> Iterator[str]:
    """A sentence if events, or requests of batches to be queued, are counted but do not exist."""
    for key_id in key_ids:
        if count := undelivered(redis, key_id):
            yield f"{count} events of {key_id} are counted as undelivered"
        if count := int(redis.hget(keyspace.api_key(key_id), "entering") or 0):
            yield f"{count} requests of {key_id} are counted as entering the queue"
    if count := int(redis.get(keyspace.ENTERING) or 0):
        yield f"{count} requests are counted as entering the queue"


def age_unaccepted(redis: Redis) -> None:
    """Age batches that were never accepted, so that they are dropped now and not in half an hour."""
    for batch_id in map(str_if_bytes, redis.zrange(keyspace.OPEN_BATCHES, 0, -1)):
        if redis.hget(keyspace.batch(batch_id), "state") != b"accepted":
            redis.zadd(keyspace.OPEN_BATCHES, {batch_id: 0}, xx=True)


def orphaned_keys(redis: Redis) -> Iterator[str]:
    """A sentence for each key that names a request and does not expire within RQ's time."""
    for key in sorted(map(str_if_bytes, redis.scan_iter(count=1000))):
        ttl_ms = redis.pttl(key)
        goes = 0 <= ttl_ms <= RQ_TTL_S * 1000 and key.startswith("rq:")
        if REQUEST_ID.search(key) and not goes:
            yield f"{key} is left, and lives for {ttl_ms} ms"


def orphaned_members(redis: Redis) -> Iterator[str]:
    """A sentence for each collection that names requests and does not drop them in time."""
    for key in sorted(map(str_if_bytes, redis.scan_iter(count=1000))):
        naming = [member for member in _members(redis, key) if REQUEST_ID.search(member)]
        if redis.type(key) == b"zset":
            late = redis.zrangebyscore(key, "-inf", time.time() - RQ_TTL_S)
            naming = [member for member in naming if member.encode() in late]
        if naming:
            yield f"{key} still names {len(naming)} requests: {naming[:3]}"


def _members(redis: Redis, key: str) -> list[str]:
    """The members of a key of any type that may name requests."""
    match redis.type(key):
        case b"list":
            found: Any = redis.lrange(key, 0, -1)
        case b"zset":
            found = redis.zrange(key, 0, -1)
        case b"set":
            found = redis.smembers(key)
        case b"hash":
            found = redis.hkeys(key)
        case _:
            found = []
    return sorted(map(str_if_bytes, found))


def orphaned_files(service: Service) -> Iterator[str]:
    """A sentence for each file that no sweep of the next hours would delete."""
    latest = time.time() + service.settings.longest_life_s + 120
    PictureStore.open(service.settings).sweep(latest)
    for file in service.store.rglob("*"):
        if file.is_file():
            kept = "never written whole" if STAGING.search(file.name) else "not swept"
            until = datetime.fromtimestamp(latest, UTC).strftime(MINUTE)
            yield f"{file.relative_to(service.store)} is {kept} at {until}"


def odd_processes(service: Service) -> Iterator[str]:
    """A sentence for each zombie, and each process without a known parent."""
    parents = {role.pid for role in service.roles}
    for process in processes(service.run):
        if process.info["status"] == psutil.STATUS_ZOMBIE:
            yield f"a zombie: {_described(process)}"
        elif process.pid not in parents and process.info["ppid"] not in parents:
            yield f"without its parent: {_described(process)}"


def left_processes(run: str) -> Iterator[str]:
    """A sentence for each process that outlived the service."""
    for process in processes(run):
        yield f"outlived the service: {_described(process)}"


def _described(process: psutil.Process) -> str:
    return "{pid} (parent {ppid}, {status}) {cmdline}".format(**process.info)
