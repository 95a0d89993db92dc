"""The client's address, for rate limits, and the origin of the URLs in responses."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request

from api.errors import ApiError

IPV6_PREFIX = 64  # RFC 4291, section 2.5.1: a subscriber gets at least a /64
HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
MAX_HOST_LENGTH = 255 + len(":65535")  # RFC 1035, section 2.3.4


def client_address(request: Request) -> str:
    """The peer's IPv4 address, or the /64 network of its IPv6 address; "local" over a Unix socket.

    X-Forwarded-For is read only from `Settings.trusted_proxies`. If it names something other than an address,
    the result is "unknown".
    """
    return "local" if request.client is None else _address_or_network(request.client.host)


@lru_cache(maxsize=1024)
def _address_or_network(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))


def origin_by_host(request: Request) -> str:
    """Scheme and host as the client sent them. Raises 400 for an invalid Host header."""
    host = request.headers.get("host")
    if host is None:
        return str(request.base_url).rstrip("/")
    if len(host) > MAX_HOST_LENGTH or not HOST.fullmatch(host):
        text = "the Host header must be a name or an address, with or without a port"
        raise ApiError(400, "invalid_host", text)
    return f"{request.scope['scheme']}://{host}"
