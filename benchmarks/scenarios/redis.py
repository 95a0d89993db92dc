"""What Redis spends on a picture, from submit to terminal: processor time, commands, its file.

All are submitted, then worked off by the calls that an API and busy workers make, one request in each call,
without polls and pictures. Another connection subscribes to each change of status, as the API does.
"""

from collections.abc import Callable, Sequence
from itertools import cycle, pairwise
from statistics import median
from typing import Any
from uuid import uuid4

from redis import Redis

from benchmarks.harness import parser
from benchmarks.harness.figures import table
from benchmarks.harness.service import redis_cpu_s, redis_server
from benchmarks.scenarios.worker import MAX_WAITING, PARAMS
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.admission import Bucket, Call, render_script
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.moves import Claim
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.script import Script

WORKERS = 3
IN_HAND = 2
CREDITS = 1_000_000_000
RATE = "1000000/minute"
COUNTED = 100
"""Pictures of which the writes are counted: Redis is asked after each call."""

STAGES = {"fetch": 0.0021, "decode": 0.0052, "compose": 0.0011, "encode": 0.0043, "store": 0.0003}
MACHINE, PROCESS = "5f0a4e5c-9a5b-4a52-8f0e-3a2f4c1d9b77/pid:[4026531836]", "4711 812345"

After = Callable[[], object]


def main(arguments: Sequence[str]) -> None:
    options = parser("redis", __doc__, rounds=5, pictures=2000).parse_args(arguments)
    with redis_server() as server, server.connect() as redis, redis.pubsub() as changes:
        changes.subscribe(**{keyspace.CHANGES: lambda _: None})
        hearing = changes.run_in_thread(sleep_time=1, daemon=True)
        service = Service(redis)
        service.make(COUNTED)
        print(f"{writes(redis, service):.2f} writes with fsync a picture")
        redis.config_resetstat()
        rounds = [cost(redis, lambda: service.make(options.pictures)) for _ in range(options.rounds)]
        pictures = options.pictures * options.rounds
        print(commands(redis.info("commandstats"), pictures))
        hearing.stop()
        hearing.join()
    cpu_ms, size = (median(each) / options.pictures for each in zip(*rounds, strict=True))
    print(f"{cpu_ms:.3f} ms of processor time and {size:,.0f} bytes of file a picture")


class Service:
    """Makes the calls of an API and of workers."""

    def __init__(self, redis: Redis) -> None:
        settings = Settings(
            max_waiting=MAX_WAITING,
            max_waiting_per_key=MAX_WAITING,
            rate_limit=RATE,
            rate_limit_reads=RATE,
        )
        key, self._key = ApiKeys(redis).create("benchmark", KeyOptions(credits=CREDITS))
        self._key_id = key.key_id
        self._admission = Script(redis, render_script(settings))
        self._transitions = Transitions(redis, settings)
        self._workers = [Worker(redis, self._transitions, f"{number:032x}") for number in range(WORKERS)]

    def make(self, pictures: int, after: After = lambda: None) -> None:
        """`after` is called after each call."""
        line = Call(self._key, "127.0.0.1", Bucket.SUBMIT).line("", "")
        for _ in range(pictures):
            self._admission([keyspace.calls("benchmark")], [uuid4().hex, line])
            after()
            self._transitions.create(NewRequest(str(uuid4()), self._key_id, PARAMS))
            after()
        left = pictures
        for worker in cycle(self._workers):
            left -= worker.exchange()
            after()
            if not left:
                return


class Worker:
    """Has work all the time."""

    def __init__(self, redis: Redis, transitions: Transitions, name: str) -> None:
        self._transitions = transitions
        self._owner = LeaseOwner(name, MACHINE, PROCESS)
        self._hand: list[Claim] = []
        redis.hset(f"rq:worker:{name}", mapping={"birth": "", "state": "idle"})
        redis.sadd(keyspace.RQ_WORKERS, f"rq:worker:{name}")

    def exchange(self) -> int:
        """Report the oldest in hand as made and claim what there is room for; how many were reported."""
        together = self._transitions.together()
        ended, self._hand = self._hand[:1], self._hand[1:]
        for claim in ended:
            path = PictureStore.new_path("outputs", new_token(), claim.keep_until)
            output = Output(path.rpartition("/")[2], path, "image/jpeg", 123_456, 1024, 1024)
            together.complete(claim.request_id, claim.attempt, output, STAGES, 0.012)
        holding = [each.request_id for each in self._hand]
        together.claim(self._owner, IN_HAND - len(holding), holding, is_idle=not holding)
        *reports, claims = together.send()
        for failed in (each for each in (*reports, claims) if isinstance(each, Exception)):
            raise failed
        self._hand += claims
        return len(ended)


def writes(redis: Redis, service: Service) -> float:
    """A picture: a call after which the file has grown took one, as Redis writes before it answers."""
    sizes = [_file_size(redis)]
    service.make(COUNTED, lambda: sizes.append(_file_size(redis)))
    return sum(size > before for before, size in pairwise(sizes)) / COUNTED


def cost(redis: Redis, work: Callable[[], object]) -> tuple[float, int]:
    """Processor time in ms, and bytes of the file."""
    cpu_s, size = redis_cpu_s(redis), _file_size(redis)
    work()
    return 1000 * (redis_cpu_s(redis) - cpu_s), _file_size(redis) - size


def commands(stats: Any, pictures: int) -> str:
    """How often each is called, and how long each takes without the others it calls."""
    used = {name.removeprefix("cmdstat_"): (each["calls"], each["usec"]) for name, each in stats.items()}
    scripts, us = used.pop("evalsha")
    own = us - sum(us for name, (_, us) in used.items())
    rows = sorted({**used, "evalsha": (scripts, own)}.items(), key=lambda row: -row[1][1])
    shown = [[name, f"{calls / pictures:.2f}", f"{us / pictures:.1f}"] for name, (calls, us) in rows]
    return table(("", "calls a picture", "µs a picture"), shown)


def _file_size(redis: Redis) -> int:
    return int(redis.info("persistence")["aof_current_size"])
