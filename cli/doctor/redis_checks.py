"""Checks Redis: connection, persistence, memory, clock and permissions; and its registered workers."""

import time
from typing import Any

from redis import Redis, RedisError

from cli.doctor.finding import Finding, Findings, fail, fail_unless, mib, ok, warn_unless
from jobs.config.setting_types import MEBIBYTE
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.queries.snapshot import take_snapshot
from jobs.redis.connection import connect, redis_time
from jobs.redis.primary import UnsuitableRedis

MIN_FREE_BYTES = 64 * MEBIBYTE
MAX_SKEW_S = 1.0
SLOW_S = 0.05


def check_redis(settings: Settings) -> Findings:
    redis = connect(settings)
    try:
        start = time.perf_counter()
        redis.ping()
        took_s = time.perf_counter() - start
        info = redis.info()
    except UnsuitableRedis as error:
        yield fail("redis", "cannot be used", str(error))
        return
    except RedisError as error:
        yield fail("redis", f"cannot be reached: {error}", "start it, or correct SUPERIMPOSE_REDIS_URL")
        return
    yield warn_unless(
        "redis",
        took_s < SLOW_S,
        f"answers in {1000 * took_s:.1f} ms",
        "every API call needs several round trips: move Redis closer to the API and the workers",
    )
    yield from _server(info)
    yield from _memory(info)
    yield _fsync(redis)
    yield _clock(redis)
    yield from _permissions(redis)
    yield from _workers(redis)


def _server(info: dict[str, Any]) -> Findings:
    yield fail_unless(
        "redis persistence",
        bool(info.get("aof_enabled")),
        "append-only file" if info.get("aof_enabled") else "no append-only file",
        "start Redis with --appendonly yes: without it accepted requests are lost when it ends",
    )


def _memory(info: dict[str, Any]) -> Findings:
    policy = str(info.get("maxmemory_policy"))
    yield fail_unless(
        "redis eviction",
        policy == "noeviction",
        f"maxmemory-policy {policy}",
        "set maxmemory-policy noeviction: any other deletes accepted requests when memory is full",
    )
    bound, used = int(info.get("maxmemory", 0)), int(info["used_memory"])
    limit = bound or int(info["total_system_memory"])
    if bound:
        advice = "raise maxmemory, or shorten SUPERIMPOSE_RESULT_TTL_S: a request needs 2 KB and more"
    else:
        advice = "set maxmemory below the memory of its machine, to refuse submits instead of being killed"
    yield warn_unless(
        "redis memory",
        limit - used > MIN_FREE_BYTES,
        f"{mib(used)} of {mib(limit)} used" + ("" if bound else ", all of its machine"),
        advice,
    )


def _fsync(redis: Redis) -> Finding:
    try:
        policy = redis.config_get("appendfsync").get("appendfsync", "")
    except RedisError:  # the ACL of docs/stack.md does not allow CONFIG
        return ok("redis fsync", "hidden by its ACL; it should be `appendfsync always`")
    return warn_unless(
        "redis fsync",
        policy == "always",
        f"appendfsync {policy}",
        "set appendfsync always: else a crash can lose requests accepted in the last second",
    )


def _clock(redis: Redis) -> Finding:
    before = time.time()
    skew_s = redis_time(redis) - (before + time.time()) / 2
    return warn_unless(
        "redis clock",
        abs(skew_s) < MAX_SKEW_S,
        f"{abs(skew_s):.3f} s apart from this machine's",
        "let NTP set both clocks: caches and logs of this machine are off by this much",
    )


def _permissions(redis: Redis) -> Findings:
    try:
        redis.eval("return cjson.encode({redis.call('EXISTS', KEYS[1])})", 1, "superimpose:waiting")
        ApiKeys(redis).list()
        yield ok("redis rights", "scripts run, keys can be read")
    except RedisError as error:
        advice = "give its user the rights in docs/stack.md: every change of a request is a script"
        yield fail("redis rights", f"refused: {error}", advice)


def _workers(redis: Redis) -> Findings:
    seen = take_snapshot(redis)
    busy = sum(worker.request_id is not None for worker in seen.workers)
    yield fail_unless(
        "workers",
        bool(seen.workers),
        f"{len(seen.workers)} registered, {busy} busy, {seen.waiting:,} requests wait",
        "start workers: `superimpose worker`, or `superimpose up` for everything",
    )
