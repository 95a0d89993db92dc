"""Redis behind Sentinels: the URL that names them, and clients that ask them where the master is.

redis-py has no URL for them. Ours is that of redis-sentinel-url, which Limits, LangChain, RedisVL and Prefect
share: `redis+sentinel://[user:password@]host[:port],host[:port].../service[/db][?options]`, and
`rediss+sentinel://` with TLS to the Sentinels and to Redis.

The search is ours as well: redis-py 8.1.0 swaps Sentinels within a list that other tasks are going through,
and so forgets some: of three, one being down, ten tasks that searched at once lost one in 200 of 200 trials.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import ConnectionError, Redis, TimeoutError, sentinel
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import sentinel as async_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

DEFAULT_PORT = 26379

ACCOUNT = ("sentinel_username", "sentinel_password")
"""Options that redis-py does not have: our account at the Sentinels, whose users are not those of Redis."""

_URL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?P<userinfo>[^/?#]*@)?(?P<hosts>[^/?#@]+)"
    r"/(?P<service>[\w.-]+)(/(?P<db>\d+)?)?(\?(?P<query>[^#]*))?",
    re.ASCII,
)
_HOST = re.compile(r"(?P<name>[\w.-]+|\[[\da-f:.]+\])(:(?P<port>\d+))?", re.ASCII | re.IGNORECASE)

Address = tuple[str, int]


@dataclass(frozen=True)
class SentinelUrl:
    """What such a URL says: redis-py's options for connections to Redis, and those to the Sentinels."""

    sentinels: tuple[Address, ...]
    service: str
    options: Mapping[str, Any] = field(repr=False)
    sentinel_options: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> "SentinelUrl":
        found = _URL.fullmatch(url)
        if not found:
            raise ValueError("not of the form redis+sentinel://host:port,host:port/service/db")
        options = _options(found)
        account = {name.removeprefix("sentinel_"): options.pop(name, None) for name in ACCOUNT}
        tls = {name: value for name, value in options.items() if name.startswith("ssl")}
        sentinels = tuple(map(_address, found["hosts"].split(",")))
        return cls(sentinels, found["service"], options, account | tls)


def is_sentinel_url(url: str) -> bool:
    return url.startswith(("redis+sentinel:", "rediss+sentinel:"))


def connect(url: str, search_s: float, **limits: Any) -> Redis:
    """A client of the master, which is found within `search_s` or not at all.

    As with `Redis.from_url`, what the URL says wins over `limits`.
    """
    said = SentinelUrl.parse(url)
    search = _Search(said, search_s, Retry(NoBackoff(), 0))
    pool = sentinel.SentinelConnectionPool(said.service, search, **{**limits, **said.options})  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


def connect_async(url: str, search_s: float, **limits: Any) -> AsyncRedis:
    said = SentinelUrl.parse(url)
    search = _AsyncSearch(said, search_s, AsyncRetry(NoBackoff(), 0))
    pool = _AsyncPool(said.service, search, **{**limits, **said.options})  # type: ignore[no-untyped-call]
    return AsyncRedis.from_pool(pool)


class _AsyncPool(async_sentinel.SentinelConnectionPool):
    """Drops all connections to an old master.

    redis-py keeps those in use, and a subscription would wait for ever on a host that is gone.
    """

    async def get_master_address(self) -> Address:
        address: Address = await self.sentinel_manager.discover_master(self.service_name)
        if address != self.master_address:
            self.master_address = address
            await self.disconnect()
        return address


class _Sentinels:
    """The Sentinels to ask one after the other, the last that knew the master first."""

    def __init__(self, url: SentinelUrl, search_s: float, retry: Retry | AsyncRetry) -> None:
        each_s = search_s / len(url.sentinels)
        limits = {"socket_connect_timeout": each_s, "socket_timeout": each_s}
        self.sentinels = list(url.sentinels)
        self._options: dict[str, Any] = {**url.sentinel_options, **limits, "retry": retry}

    def _master(self, service: str, asked: Address, masters: Any) -> Address | None:
        """Where the master is, unless the Sentinel that listed `masters` suspects that it is down."""
        state = masters.get(service)
        if not state or not state["is_master"] or state["is_sdown"] or state["is_odown"]:
            return None
        self.sentinels = [asked, *(other for other in self.sentinels if other != asked)]
        return state["ip"], state["port"]


class _Search(_Sentinels):
    def discover_master(self, service: str) -> Address:
        refusals = {}
        for address in self.sentinels:
            try:
                with Redis(*address, **self._options) as asked:
                    master = self._master(service, address, asked.sentinel_masters())
            except (ConnectionError, TimeoutError) as error:
                refusals[address] = str(error)
            else:
                if master:
                    return master
        raise _not_found(service, refusals)


class _AsyncSearch(_Sentinels):
    async def discover_master(self, service: str) -> Address:
        refusals = {}
        for address in self.sentinels:
            try:
                async with AsyncRedis(host=address[0], port=address[1], **self._options) as asked:
                    master = self._master(service, address, await asked.sentinel_masters())
            except (ConnectionError, TimeoutError) as error:
                refusals[address] = str(error)
            else:
                if master:
                    return master
        raise _not_found(service, refusals)


def _not_found(service: str, refusals: Mapping[Address, str]) -> ConnectionError:
    reasons = "; ".join(f"{host}:{port}: {reason}" for (host, port), reason in refusals.items())
    return ConnectionError(f"no Sentinel knows a living master of {service}; {reasons or 'all answered'}")


def _options(url: re.Match[str]) -> dict[str, Any]:
    """User, password, database and query, read by redis-py as those of any other URL."""
    plain = "{scheme}://{userinfo}host/{db}?{query}".format_map(url.groupdict(default=""))
    options: dict[str, Any] = parse_url(plain)  # type: ignore[no-untyped-call]
    if any(name == "ssl" or (name.startswith("sentinel_") and name not in ACCOUNT) for name in options):
        raise ValueError("of options for Sentinels there are these two, and TLS is in the scheme")
    del options["host"]
    return options | ({"ssl": True} if options.pop("connection_class", None) else {})


def _address(text: str) -> Address:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if not found or not 0 < port < 65536:
        raise ValueError("not of the form host:port")
    return found["name"].strip("[]"), port
