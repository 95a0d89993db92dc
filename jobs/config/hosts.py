"""Parses hosts, ports and origins, in settings and in URLs to fetch.

`getaddrinfo` reads `127.1`, `0177.0.0.1`, `2130706433`, `0x7f.1` and full-width digits as loopback, so a
host is accepted only in the canonical form that rules compare.
"""

import re
from ipaddress import IPv6Address, ip_address

LONGEST_HOST = 253  # RFC 1035, as text
LAST_PORT = 65_535

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_WEB_ADDRESS = re.compile(
    r"(https?)://(\[[^\]/?#@]+\]|[^:/?#@\[\]]+)(?::(\d{1,5}))?((?:/[^\s?#]*)?)", re.ASCII | re.IGNORECASE
)
DEFAULT_PORTS = {"http": 80, "https": 443}


class NumericHost(ValueError):
    """A number that some resolvers, but not we, read as an IPv4 address."""


def canonical_host(text: str) -> str:
    """A name or address in lower case, without trailing dot or brackets. Raises ValueError for others."""
    if ":" in text:
        return _ipv6(text)
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a name or an address")
    if _NUMBER.fullmatch(labels[-1]) and not is_address(host):
        raise NumericHost("a number that is not a dotted IPv4 address")
    return host


def _ipv6(text: str) -> str:
    address = IPv6Address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    if address.scope_id is not None:
        raise ValueError("bound to an interface")
    return str(address)


def is_address(host: str) -> bool:
    """Whether `host` is an IP address in canonical form."""
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def host_pattern(text: str) -> str:
    """A host, or `*.shop.com` for all its subdomains, in canonical form. Raises ValueError."""
    wildcard = "*." if text.startswith("*.") else ""
    try:
        return wildcard + canonical_host(text.removeprefix("*."))
    except ValueError:
        raise ValueError(
            "must be a host such as shop.com, *.shop.com (xn-- for letters beyond ASCII)"
        ) from None


def port_ranges(text: str) -> tuple[range, ...]:
    """The ports that `80,443,1025-65535` names. Raises ValueError."""
    return tuple(_port_range(part.strip()) for part in text.split(","))


def _port_range(text: str) -> range:
    match = _PORTS.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < first <= last <= LAST_PORT:
        raise ValueError("must be ports from 1 to 65535 and ranges of them, such as 80,443,1025-65535")
    return range(first, last + 1)


def origin(text: str) -> str:
    """`https://shop.com:8443` as browsers write it: lower case, no default port. Raises ValueError."""
    scheme, host, port, path = _web_address(text)
    if path.strip("/"):
        raise ValueError(f"must be an origin, without the path {path}")
    shown_host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown_host}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


def base_url(text: str) -> str:
    """The common start of URLs, without a trailing slash. Raises ValueError."""
    _web_address(text)
    return text.rstrip("/")


def _web_address(text: str) -> tuple[str, str, int, str]:
    match = _WEB_ADDRESS.fullmatch(text)
    try:
        if match is None:
            raise ValueError("not a URL")
        scheme, host = match[1].lower(), canonical_host(match[2])
        port = _port_range(match[3] or str(DEFAULT_PORTS[scheme])).start
        return scheme, host, port, match[4]
    except ValueError:
        raise ValueError(
            "must be http:// or https://, a host, and a port where needed; no user, query or fragment"
        ) from None
