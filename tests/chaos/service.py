"""The service as processes for fault injection: API, workers, senders, and proxies in front of Redis."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from redis import Redis

from jobs.config.settings import Settings
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.webhooks.secrets import KeySecrets
from tests.chaos import process_table
from tests.chaos.outside.origin import Origin
from tests.chaos.outside.proxy import Proxy, proxying
from tests.chaos.outside.receiver import Receiver
from tests.chaos.outside.redis_pair import RedisPair, running_pair
from tests.chaos.role import Role
from tests.in_thread import in_thread
from tests.stack import ON_LOOPBACK, environment, free_port
from tests.webhook_events import MASTER

WORKERS = 3  # at the beginning; most of the time a fault disables one of them
SENDERS = 2
CREDITS = 1_000_000  # of each key
WEIGHTS = (1, 2, 5)
LEASE_S = 3
MAX_ATTEMPTS = 8  # with the default of 3, such dense faults would exhaust a request in one run of ten
READY_S = 60
LOOK_AGAIN_S = 0.1


class NotRecovered(Exception):
    """A process does not work, or does not end, although it suffers no fault."""


@dataclass
class Service:
    """Everything of a run. `redis` is the harness's own connection, which no fault affects."""

    run: str
    settings: Settings
    url: str
    redis_pair: RedisPair
    redis: Redis
    proxy: Proxy
    direct_proxy: Proxy
    origin: Origin
    receiver: Receiver
    receiver_proxy: Proxy
    api: Role
    workers: list[Role]
    make_worker: Callable[[], Role]
    senders: list[Role]
    log: Path
    keys: Mapping[str, str]
    """Texts of the API keys by id; their weights are `WEIGHTS`."""
    redis_busy: asyncio.Lock
    store_busy: asyncio.Lock
    receiver_busy: asyncio.Lock
    batch_wanted: asyncio.Event
    """Has the next batch submitted at once."""
    keepers: asyncio.TaskGroup

    @property
    def roles(self) -> list[Role]:
        """All processes but Redis and the outside."""
        return [self.api, *self.workers, *self.senders]

    @property
    def store(self) -> Path:
        """The directory of the picture store."""
        return self.settings.data_dir / "store"

    async def add_worker(self) -> None:
        """Start another worker, and wait until it works."""
        worker = self.make_worker()
        async with worker.busy:
            self.workers.append(worker)
            self.keepers.create_task(worker.keep())
            await self.await_ready(worker)

    async def remove_worker(self, worker: Role) -> None:
        """Drain and remove a worker, as in a scale-in."""
        self.workers.remove(worker)
        if not await worker.leave():
            raise NotRecovered(f"{worker.name} did not drain")

    async def await_ready(self, role: Role) -> None:
        """Wait until a process works. Raises `NotRecovered`."""
        deadline = time.monotonic() + READY_S
        async with httpx.AsyncClient(**ON_LOOPBACK) as client:
            while not await _is_ready(role, client):
                if time.monotonic() > deadline:
                    raise NotRecovered(f"{role.name} does not work")
                await asyncio.sleep(LOOK_AGAIN_S)


async def _is_ready(role: Role, client: httpx.AsyncClient) -> bool:
    if role.ready_url is None:
        return role.running and bool(process_table.children(role.pid))
    try:
        return (await client.get(role.ready_url)).is_success
    except httpx.HTTPError:
        return False


def _settings(directory: Path, redis_url: str, result_ttl_s: int) -> dict[str, Any]:
    """Time limits short enough for a run to reach them."""
    return {
        "redis_url": redis_url,
        "data_dir": directory / "data",
        "result_ttl_s": result_ttl_s,
        "lease_s": LEASE_S,
        "drain_timeout_s": 3,
        "start_timeout_s": 60,
        "job_timeout_s": 40,
        "fetch_timeout_s": 10,
        "max_attempts": MAX_ATTEMPTS,
        "fetch_allow": "127.0.0.1/32",
        "webhook_secret": MASTER,
        "webhook_http": True,
    }


@asynccontextmanager
async def running(directory: Path, run: str, result_ttl_s: int) -> AsyncIterator[Service]:
    """A working service in a directory of its own; stops all of its processes at the end."""
    with (
        running_pair(directory / "redis") as redis_pair,
        proxying(redis_pair.primary.port) as proxy,
        proxying(redis_pair.primary.port) as direct_proxy,
        in_thread(Origin()) as origin,
        Redis(port=direct_proxy.port, socket_timeout=5) as redis,
        (directory / "service.log").open("wb") as log,
    ):
        own = _settings(directory, f"redis://127.0.0.1:{proxy.port}/0", result_ttl_s)
        settings = Settings(**own | {"redis_url": f"redis://127.0.0.1:{direct_proxy.port}/0"})
        env = environment(**own) | {process_table.MARK: run}
        port, numbers = free_port(), count()
        url = f"http://127.0.0.1:{port}"

        def make_worker() -> Role:
            return Role(f"worker-{next(numbers)}", _python("worker"), env, log)

        def make_sender(number: int) -> Role:
            metrics_port = free_port()
            own_env = env | {"SUPERIMPOSE_METRICS_PORT": str(metrics_port)}
            url = f"http://127.0.0.1:{metrics_port}/metrics"  # served just before it starts sending
            return Role(f"sender-{number}", _python("cli", "webhooks"), own_env, log, url)

        keys, secrets = dict(_made_keys(redis)), KeySecrets(redis, settings)
        with (
            in_thread(Receiver({key_id: secrets.read(key_id) for key_id in keys})) as receiver,
            proxying(receiver.server_port) as receiver_proxy,
        ):
            service = Service(
                run=run,
                settings=settings,
                url=url,
                redis_pair=redis_pair,
                redis=redis,
                proxy=proxy,
                direct_proxy=direct_proxy,
                origin=origin,
                receiver=receiver,
                receiver_proxy=receiver_proxy,
                api=Role("api", _python("cli", "api", "--port", str(port)), env, log, f"{url}/livez"),
                workers=[make_worker() for _ in range(WORKERS)],
                make_worker=make_worker,
                senders=[make_sender(number) for number in range(SENDERS)],
                log=Path(log.name),
                keys=keys,
                redis_busy=asyncio.Lock(),
                store_busy=asyncio.Lock(),
                receiver_busy=asyncio.Lock(),
                batch_wanted=asyncio.Event(),
                keepers=asyncio.TaskGroup(),
            )
            async with _kept(service):
                yield service


def _made_keys(redis: Redis) -> Iterator[tuple[str, str]]:
    for weight in WEIGHTS:
        key, text = ApiKeys(redis).create(f"chaos {weight}", KeyOptions(credits=CREDITS, weight=weight))
        yield key.key_id, text


def _python(*module: str) -> list[str]:
    return [sys.executable, "-m", *module]


@asynccontextmanager
async def _kept(service: Service) -> AsyncIterator[None]:
    async with service.keepers as keepers:
        for role in service.roles:
            keepers.create_task(role.keep())
        try:
            for role in service.roles:
                await service.await_ready(role)
            yield
        finally:
            await asyncio.gather(*(role.leave() for role in service.roles))
