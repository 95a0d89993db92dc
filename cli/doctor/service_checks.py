"""Checks the running service: Redis with its registered workers, the sender of webhooks, and the API."""

import time
from typing import Any

import httpx
import typer
from redis import Redis, RedisError

from cli.client.server import Server, find_key
from cli.doctor.report import Finding, Findings, fail, fail_unless, mib, ok, warn, warn_unless
from cli.timefmt import length
from jobs import keyspace
from jobs.config.setting_types import MEBIBYTE
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.queries.queue_state import read_queue_state
from jobs.queries.snapshot import take_snapshot
from jobs.redis.connection import connect, redis_time
from jobs.redis.primary import UnsuitableRedis
from jobs.redis.script import OOM_EXEMPT, Script

MIN_FREE_BYTES = 64 * MEBIBYTE
MAX_SKEW_S = 1.0
SLOW_S = 0.05

LATE_S = 60
SENDER_TIMEOUT_S = 2.0
POLL_S = 0.05
PUSH_IF_EMPTY = f"{OOM_EXEMPT}if redis.call('LLEN', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], 1) end"

API_REPLY_TIMEOUT_S = 5


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
        took_s < SLOW_S,
        "redis",
        f"answers in {1000 * took_s:.1f} ms",
        "every API call needs several round trips: move Redis closer to the API and the workers",
    )
    has_aof = bool(info.get("aof_enabled"))
    yield fail_unless(
        has_aof,
        "redis persistence",
        "append-only file" if has_aof else "no append-only file",
        "start Redis with --appendonly yes: without it accepted requests are lost when it ends",
    )
    yield from _memory(info)
    yield _fsync(redis)
    yield from _clock_and_rights(redis)
    yield _workers(redis)


def _memory(info: dict[str, Any]) -> Findings:
    policy = str(info.get("maxmemory_policy"))
    yield fail_unless(
        policy == "noeviction",
        "redis eviction",
        f"maxmemory-policy {policy}",
        "set maxmemory-policy noeviction: any other deletes accepted requests when memory is full",
    )
    bound, used = int(info.get("maxmemory", 0)), int(info["used_memory"])
    limit = bound or int(info["total_system_memory"])
    if bound:
        advice = "raise maxmemory, or shorten SUPERIMPOSE_RESULT_TTL_S: a request needs 2 KB and more"
    else:
        advice = "set maxmemory below the memory of its machine, to refuse submits instead of being killed"
    whose = "" if bound else ", all of its machine"
    seen = f"{mib(used)} of {mib(limit)} used{whose}"
    yield warn_unless(limit - used > MIN_FREE_BYTES, "redis memory", seen, advice)


def _fsync(redis: Redis) -> Finding:
    try:
        policy = redis.config_get("appendfsync").get("appendfsync", "")
    except RedisError:  # the ACL of docs/stack.md does not allow CONFIG
        return ok("redis fsync", "hidden by its ACL; it should be `appendfsync always`")
    advice = "set appendfsync always: else a crash can lose requests accepted in the last second"
    return warn_unless(policy == "always", "redis fsync", f"appendfsync {policy}", advice)


def _clock_and_rights(redis: Redis) -> Findings:
    before = time.time()
    skew_s = abs(redis_time(redis) - (before + time.time()) / 2)
    yield warn_unless(
        skew_s < MAX_SKEW_S,
        "redis clock",
        f"{skew_s:.3f} s apart from this machine's",
        "let NTP set both clocks: caches and logs of this machine are off by this much",
    )
    try:
        redis.eval("return cjson.encode({redis.call('EXISTS', KEYS[1])})", 1, "superimpose:waiting")
        ApiKeys(redis).list()
        yield ok("redis rights", "scripts run, keys can be read")
    except RedisError as error:
        advice = "give its user the rights in docs/stack.md: every change of a request is a script"
        yield fail("redis rights", f"refused: {error}", advice)


def _workers(redis: Redis) -> Finding:
    state = take_snapshot(redis)
    busy = sum(worker.request_id is not None for worker in state.workers)
    return fail_unless(
        bool(state.workers),
        "workers",
        f"{len(state.workers)} registered, {busy} busy, {state.waiting:,} requests wait",
        "start workers: `superimpose worker`, or `superimpose up` for everything",
    )


def check_webhooks(settings: Settings) -> Findings:
    """Yields nothing if webhooks are off and no event is late."""
    redis = connect(settings)
    try:
        late_s = read_queue_state(redis).oldest_event_s
        is_late = late_s >= LATE_S
        if not settings.webhook_secret and not is_late:
            return
        sends = _sender_responds(redis)
    except RedisError:  # reported by check_redis
        return
    late = f"an event has been due for {length(late_s)}"
    start = "start `superimpose webhooks`: events wait until then (docs/webhooks.md, Operating)"
    if sends and is_late:
        more = "start another `superimpose webhooks`, or look for unreachable receivers in its log"
        yield warn("webhooks", late, more)
    elif sends:
        yield ok("webhooks", "events are sent, none is late")
    elif is_late:
        yield fail("webhooks", f"{late}, no sender runs", start)
    else:
        yield warn("webhooks", "no sender runs", start)


def _sender_responds(redis: Redis) -> bool:
    """Push an entry to the event bell; a running sender takes it at once."""
    Script(redis, PUSH_IF_EMPTY)([keyspace.EVENT_BELL])
    deadline = time.monotonic() + SENDER_TIMEOUT_S
    while redis.llen(keyspace.EVENT_BELL):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def check_api(server: str | None, key: str | None) -> Findings:
    """A server given by the user must answer; without one, this machine's API need not run."""
    where = Server.find(server)
    with httpx.Client(base_url=where.url, timeout=API_REPLY_TIMEOUT_S, trust_env=not where.is_here) as http:
        try:
            alive = http.get("/livez").status_code == httpx.codes.OK
        except httpx.TransportError:
            advice = "start it (`superimpose up`), or give another --server"
            yield (fail if server else warn)("api", f"nothing answers at {where.url}", advice)
            return
        yield fail_unless(alive, "api", f"answers at {where.url}", "is this the address of this service?")
        try:
            yield from _readiness(http.get("/readyz"))
            yield _key(http, where, key)
        except httpx.TransportError:
            yield fail("api", "has stopped answering", "look at its log")


def _readiness(response: httpx.Response) -> Findings:
    if response.status_code == httpx.codes.NOT_FOUND:
        return
    try:
        missing = ", ".join(map(str, response.json().get("missing", ())))
    except (ValueError, AttributeError):
        return
    is_ready = response.status_code == httpx.codes.OK
    seen = f"cannot use {missing}" if missing else "ready"
    yield fail_unless(is_ready, "api readiness", seen, "see the line about it above")


def _key(http: httpx.Client, where: Server, key: str | None) -> Finding:
    try:
        text = find_key(key, where)
    except typer.BadParameter:
        return ok("api key", "none given, not checked")
    status = http.get("/v1/get-user-credits", headers={"x-api-key": text}).status_code
    is_valid = status == httpx.codes.OK
    advice = "make one with `superimpose keys create`, and set SUPERIMPOSE_API_KEY to it"
    return fail_unless(is_valid, "api key", "valid" if is_valid else f"answered {status}", advice)
