"""Decides whether a host and its addresses may be reached, by the settings FETCH_*."""

from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit

from jobs.config.settings import Settings
from jobs.network.addresses import AddressRules
from jobs.network.hosts import HostRules


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
        for address in addresses:
            if (refusal := self._addresses.refusal(address, private_name=private)) is not None:
                return refusal
        return None


def own_hosts(settings: Settings) -> tuple[str, ...]:
    """Our own public host, which may lead to networks in FETCH_ALLOW only."""
    host = urlsplit(settings.public_url or "").hostname
    return (host,) if host else ()
