"""Which hosts may be looked up, and reached at which addresses, by the settings FETCH_*.

Some names only exist on private networks: `localhost`, a single label, `*.internal`, our own public host. An
operator may want to allow exactly them (`FETCH_ALLOW=127.0.0.1/32` and `http://localhost:8000/cup.jpg`), so
they are not refused as such, but may resolve only to networks in FETCH_ALLOW. If that is empty, they are
refused before any look-up.
"""

from collections.abc import Iterable, Sequence
from typing import Self
from urllib.parse import urlsplit

from jobs.config.hosts import host_pattern, is_address
from jobs.config.settings import Settings
from jobs.network.addresses import AddressRules

PRIVATE_ENDINGS = frozenset(
    {
        "localhost",  # RFC 6761
        "local",  # RFC 6762, multicast DNS
        "internal",  # reserved for private use by ICANN in 2024
        "home",
        "lan",
        "arpa",  # reverse look-ups and home.arpa (RFC 8375)
        "onion",  # RFC 7686
        "test",  # RFC 6761
        "invalid",
        "example",
    }
)


class HostRules:
    """Rules for names in lower case, without a trailing dot. Raises ValueError for other text.

    `only` has exact hosts and patterns such as `*.shop.com` (all subdomains, not `shop.com` itself); if
    empty, all hosts are allowed. `own` has our public hosts.
    """

    def __init__(self, only: Iterable[str] = (), own: Iterable[str] = ()) -> None:
        self._only = tuple(host_pattern(text) for text in only)
        self._own = tuple(host_pattern(text) for text in own)

    def refuses(self, host: str) -> bool:
        return bool(self._only) and not _matches_any(host, self._only)

    def is_private(self, host: str) -> bool:
        """Whether `host` may resolve only to networks in FETCH_ALLOW."""
        if _matches_any(host, self._own):
            return True
        _, dot, ending = host.rpartition(".")
        return not is_address(host) and (not dot or ending in PRIVATE_ENDINGS)


class Guard:
    """Checked before every connection to a host that a client named, with the addresses to connect to.

    A refusal may contain addresses of our network: it is for logs, never for clients.
    """

    def __init__(self, hosts: HostRules, addresses: AddressRules) -> None:
        self._hosts = hosts
        self._addresses = addresses

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            HostRules(only=settings.fetch_hosts, own=own_hosts(settings)),
            AddressRules(allow=settings.fetch_allow, refuse=settings.fetch_refuse),
        )

    def refusal_of_host(self, host: str) -> str | None:
        """Why a name may not be looked up, or None."""
        if self._hosts.refuses(host):
            return f"{host} is not in FETCH_HOSTS"
        if self._hosts.is_private(host) and not self._addresses.allows_any:
            return f"{host} is a private name and FETCH_ALLOW is empty"
        return None

    def refusal(self, host: str, addresses: Sequence[str]) -> str | None:
        """Why a host with these addresses may not be reached, or None; one refused address is enough."""
        private = self._hosts.is_private(host)
        refusals = (self._addresses.refusal(address, private_name=private) for address in addresses)
        return next((refusal for refusal in refusals if refusal is not None), None)


def own_hosts(settings: Settings) -> tuple[str, ...]:
    """Our own public host, which may lead to networks in FETCH_ALLOW only."""
    host = urlsplit(settings.public_url or "").hostname
    return (host,) if host else ()


def _matches_any(host: str, patterns: Iterable[str]) -> bool:
    return any(host.endswith(p[1:]) if p.startswith("*") else host == p for p in patterns)
