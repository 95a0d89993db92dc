"""Redis behind Sentinels: their URL, and clients that ask them for the master's address.

redis-py has no such URL. Ours is that of redis-sentinel-url, also used by Limits, LangChain, RedisVL and
Prefect: `redis+sentinel://[user:password@]host[:port],host[:port].../service[/db][?options]`, and
`rediss+sentinel://` with TLS to the Sentinels and to Redis.

We also search for the master ourselves: redis-py 8.1.0 reorders the list of Sentinels while other tasks
iterate over it, and so loses some. With one of three Sentinels down and ten concurrent tasks, this happened
in 200 of 200 trials.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
"""Options of our own, for the account at the Sentinels, which have other users than Redis."""

_URL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?P<userinfo>[^/?#]*@)?(?P<hosts>[^/?#@]+)"
    r"/(?P<service>[\w.-]+)(/(?P<db>\d+)?)?(\?(?P<query>[^#]*))?",
    re.ASCII,
)
_HOST = re.compile(r"(?P<name>[\w.-]+|\[[\da-f:.]+\])(:(?P<port>\d+))?", re.ASCII | re.IGNORECASE)

Address = tuple[str, int]


@dataclass(frozen=True)
class SentinelUrl:
    """A parsed URL, with redis-py's options for connections to Redis and to the Sentinels."""

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
    """A client of the master; each search for the master takes at most `search_s`.

    As with `Redis.from_url`, options of the URL override `limits`.
    """
    parsed = SentinelUrl.parse(url)
    search = _Search(parsed, search_s, Retry(NoBackoff(), 0))
    pool = sentinel.SentinelConnectionPool(parsed.service, search, **{**limits, **parsed.options})  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


def connect_async(url: str, search_s: float, **limits: Any) -> AsyncRedis:
    parsed = SentinelUrl.parse(url)
    search = _AsyncSearch(parsed, search_s, AsyncRetry(NoBackoff(), 0))
    pool = _AsyncPool(parsed.service, search, **{**limits, **parsed.options})  # type: ignore[no-untyped-call]
    return AsyncRedis.from_pool(pool)


class _AsyncPool(async_sentinel.SentinelConnectionPool):
    """Drops all connections when the master changes.

    redis-py keeps those in use, so a subscription would wait forever for a host that is gone.
    """

    async def get_master_address(self) -> Address:
        address: Address = await self.sentinel_manager.discover_master(self.service_name)
        if address != self.master_address:
            self.master_address = address
            await self.disconnect()
        return address


class _Sentinels:
    """The Sentinels in the order to ask them: first the one that last knew the master."""

    def __init__(self, url: SentinelUrl, search_s: float, retry: Retry | AsyncRetry) -> None:
        each_s = search_s / len(url.sentinels)
        limits = {"socket_connect_timeout": each_s, "socket_timeout": each_s}
        self.sentinels = list(url.sentinels)
        self._options: dict[str, Any] = {**url.sentinel_options, **limits, "retry": retry}

    def _master(self, service: str, address: Address, masters: Any) -> Address | None:
        """The master by the reply of the Sentinel at `address`; None if it suspects that it is down."""
        state = masters.get(service)
        if not state or not state["is_master"] or state["is_sdown"] or state["is_odown"]:
            return None
        self.sentinels = [address, *(other for other in self.sentinels if other != address)]
        return state["ip"], state["port"]


class _Search(_Sentinels):
    def discover_master(self, service: str) -> Address:
        errors = dict[Address, str]()
        for address in self.sentinels:
            with _collected(errors, address), Redis(*address, **self._options) as redis:
                if master := self._master(service, address, redis.sentinel_masters()):
                    return master
        raise _not_found(service, errors)


class _AsyncSearch(_Sentinels):
    async def discover_master(self, service: str) -> Address:
        errors = dict[Address, str]()
        for host, port in self.sentinels:
            with _collected(errors, (host, port)):
                async with AsyncRedis(host=host, port=port, **self._options) as redis:
                    if master := self._master(service, (host, port), await redis.sentinel_masters()):
                        return master
        raise _not_found(service, errors)


@contextmanager
def _collected(errors: dict[Address, str], address: Address) -> Iterator[None]:
    """Continue after a block whose Sentinel at `address` cannot be reached, and add the error to `errors`."""
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        errors[address] = str(error)


def _not_found(service: str, errors: Mapping[Address, str]) -> ConnectionError:
    reasons = "; ".join(f"{host}:{port}: {reason}" for (host, port), reason in errors.items())
    return ConnectionError(f"no Sentinel knows a live master of {service}; {reasons or 'all replied'}")


def _options(url: re.Match[str]) -> dict[str, Any]:
    """User, password, database and query, parsed by redis-py as in any other URL."""
    plain = "{scheme}://{userinfo}host/{db}?{query}".format_map(url.groupdict(default=""))
    options: dict[str, Any] = parse_url(plain)  # type: ignore[no-untyped-call]
    if any(name == "ssl" or (name.startswith("sentinel_") and name not in ACCOUNT) for name in options):
        raise ValueError(f"the only options for Sentinels are {', '.join(ACCOUNT)}; TLS is in the scheme")
    del options["host"]
    return options | ({"ssl": True} if options.pop("connection_class", None) else {})


def _address(text: str) -> Address:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if not found or not 0 < port < 65536:
        raise ValueError("not of the form host:port")
    return found["name"].strip("[]"), port
