"""Who is at the other end of a connection, as far as counting calls needs to know."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request

IPV6_PREFIX = 64  # RFC 4291, section 2.5.1: one subscriber has at least this many addresses to itself


def client_address(request: Request) -> str:
    """The peer's IPv4 address, or the /64 network of its IPv6 address; "local" over a Unix socket.

    X-Forwarded-For counts only from `Settings.trusted_proxies`; what such a proxy names without it
    being an address is "unknown".
    """
    return "local" if request.client is None else _counted(request.client.host)


@lru_cache(maxsize=1024)
def _counted(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))
