"""Cost of a picture in Redis, from submit to the terminal status: CPU time, commands, writes and bytes.

All requests are submitted and then processed by the calls that an API and busy workers make, one request per
call, without polls and downloads. Another connection subscribes to status changes, as the API does.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import cycle, pairwise
from typing import Any
from uuid import uuid4

from redis import Redis

from benchmarks.harness.figures import cost, medians, table
from benchmarks.harness.requests import OUTPUT, STAGES, Requests
from benchmarks.harness.service import redis_cpu_s, redis_server
from jobs import keyspace
from jobs.keys.admission import Bucket, Call, render_script
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.moves import Claim
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.script import Script

WORKERS = 3
IN_FLIGHT = 2
CREDITS = 1_000_000_000
RATES = dict.fromkeys(("rate_limit", "rate_limit_reads"), "1000000/minute")
COUNTED = 100  # pictures whose writes are counted, by asking Redis after each call
MACHINE, PROCESS = "5f0a4e5c-9a5b-4a52-8f0e-3a2f4c1d9b77/pid:[4026531836]", "4711 812345"


def main(rounds: int = 5, pictures: int = 2000) -> None:
    with redis_server() as server, server.redis.pubsub() as changes:
        redis = server.redis

        def file_size() -> int:
            return int(redis.info("persistence")["aof_current_size"])

        changes.subscribe(**{keyspace.CHANGES: lambda _: None})
        listener = changes.run_in_thread(sleep_time=1, daemon=True)
        process = service(redis)
        list(process(COUNTED))  # warm-up
        sizes = [file_size(), *(file_size() for _ in process(COUNTED))]
        writes = sum(after > before for before, after in pairwise(sizes))  # Redis writes before it replies
        print(f"{writes / COUNTED:.2f} writes with fsync a picture")
        redis.config_resetstat()
        clocks = partial(redis_cpu_s, redis), file_size
        costs = [cost(lambda: list(process(pictures)), *clocks) for _ in range(rounds)]
        print(command_table(redis.info("commandstats"), pictures * rounds))
        listener.stop()
        listener.join()
    cpu_s, size = (each / pictures for each in medians(costs))
    print(f"{1000 * cpu_s:.3f} ms of CPU time and {size:,.0f} bytes of file a picture")


def service(redis: Redis) -> Callable[[int], Iterator[None]]:
    """A function that makes the calls of an API and of workers for a number of pictures, one by one."""
    key, key_text = ApiKeys(redis).create("benchmark", KeyOptions(credits=CREDITS))
    requests = Requests(redis, key.key_id, **RATES)
    admit = Script(redis, render_script(requests.settings))
    line = Call(key_text, "127.0.0.1", Bucket.SUBMIT).line("", "")
    workers = cycle([Worker(redis, requests.transitions, f"{number:032x}") for number in range(WORKERS)])

    def process(pictures: int) -> Iterator[None]:
        for _ in range(pictures):
            yield admit([keyspace.calls("benchmark")], [uuid4().hex, line])
            yield requests.begin()
        while pictures:
            pictures -= next(workers).exchange()
            yield

    return process


class Worker:
    """The calls of a worker that is always busy."""

    def __init__(self, redis: Redis, transitions: Transitions, name: str) -> None:
        self._transitions = transitions
        self._owner = LeaseOwner(name, MACHINE, PROCESS)
        self._in_flight: list[Claim] = []
        redis.hset(f"rq:worker:{name}", mapping={"birth": "", "state": "idle"})
        redis.sadd(keyspace.RQ_WORKERS, f"rq:worker:{name}")

    def exchange(self) -> int:
        """Complete the oldest claim and claim new requests; returns the number of completed ones."""
        pipeline = self._transitions.pipeline()
        finished, self._in_flight = self._in_flight[:1], self._in_flight[1:]
        for claim in finished:
            path = PictureStore.new_path("outputs", new_token(), claim.keep_until)
            output = replace(OUTPUT, token=path.rpartition("/")[2], path=path)
            pipeline.complete(claim.request_id, claim.attempt, output, STAGES, 0.012)
        holding = [each.request_id for each in self._in_flight]
        pipeline.claim(self._owner, IN_FLIGHT - len(holding), holding, is_idle=not holding)
        *reports, claims = pipeline.send()
        for failed in (each for each in (*reports, claims) if isinstance(each, Exception)):
            raise failed
        self._in_flight += claims
        return len(finished)


def command_table(stats: Any, pictures: int) -> str:
    """Calls of each command a picture; a script's time excludes the commands that it calls."""
    used = {name.removeprefix("cmdstat_"): (each["calls"], each["usec"]) for name, each in stats.items()}
    scripts, us = used.pop("evalsha")
    own_us = us - sum(us for _, us in used.values())
    rows = sorted({**used, "evalsha": (scripts, own_us)}.items(), key=lambda row: -row[1][1])
    cells = [[name, f"{calls / pictures:.2f}", f"{us / pictures:.1f}"] for name, (calls, us) in rows]
    return table(("", "calls a picture", "µs a picture"), cells)
