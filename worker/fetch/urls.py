"""Rules on the text of a URL, before any look-up.

`getaddrinfo` reads `127.1`, `0177.0.0.1`, `2130706433`, `0x7f.1` and full-width digits as loopback, and
`urlsplit` drops tabs and line ends in silence, so the text is matched here, once, and every later step uses
the parts.
"""

import re
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import quote, urljoin

from worker.fetch.errors import Fault, unreachable

LONGEST_URL = 4096
LONGEST_HOST = 253  # RFC 1035, as text
LONGEST_SHOWN = 200

_URL = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LEFT_AS_IS = "%!#$&'()*+,/:;=?@[]~"  # RFC 3986's reserved characters, and what is encoded already
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """A URL that passed: `host` is lower case without brackets or a last dot, `path` holds the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The whole URL again, in the form that was checked."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def shown(self) -> str:
        """The URL as texts and logs may name it: no query, no userinfo (none passes), not endless."""
        text, _, _ = self.url.partition("?")
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


class UrlRules:
    """Turns the text of a URL into a `Target`.

    Raises ValueError on ports that are not `80,443,1025-65535`.
    """

    def __init__(self, ports: str) -> None:
        self._ports = tuple(_port_range(part.strip()) for part in ports.split(","))

    def target(self, url: str) -> Target:
        """The parts of `url`. Raises Fault, saying what about the text is wrong."""
        _check_characters(url)
        match = _URL.fullmatch(url)
        if match is None:
            raise _malformed("must begin with http:// or https:// and a host")
        scheme, authority, path = match.groups()
        host, port = _split_authority(authority)
        number = _DEFAULT_PORTS[scheme] if port is None else int(port)
        if not any(number in allowed for allowed in self._ports):
            raise _malformed(f"uses port {number}, which is not allowed here")
        return Target(scheme, canonical_host(host), number, path if path.startswith("/") else f"/{path}")

    def redirected(self, target: Target, location: str) -> Target:
        """Where `target` sends us with `location`, which may be relative. Raises Fault.

        Servers send raw spaces and Unicode here; %-encoding mends them in a path, and in a host spoils them.
        """
        try:
            following = urljoin(target.url, quote(location, safe=_LEFT_AS_IS))
        except ValueError:
            raise _malformed("is not a URL") from None
        return self.target(following)


def _check_characters(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise _malformed(f"is longer than {LONGEST_URL} characters")
    if not url.isascii():
        raise _malformed("has letters beyond ASCII: write the host in its xn-- form and the rest %-encoded")
    if not url.isprintable() or " " in url or "\\" in url:
        raise _malformed("has a space, a backslash or a control character: write it %-encoded")


def _split_authority(authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise _malformed("has a user name in it: only images that need no login can be fetched")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _malformed("has no readable host and port")
    return match[1], match[2]


def canonical_host(text: str) -> str:
    """A name or address in the one form that rules compare. Raises Fault on anything else.

    `text` is as in a URL: an IPv6 address stands in brackets.
    """
    if text.startswith("["):
        return _ipv6(text[1:-1])
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _malformed("has a host that is not a name or an address")
    if _NUMBER.fullmatch(labels[-1]) and not is_address(host):
        raise unreachable("the host is a number that is not a dotted IPv4 address")
    return host


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise _malformed("has a host that is not a name or an address") from None


def is_address(host: str) -> bool:
    """Whether `host` is an IP address in its one canonical form, and no name."""
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _port_range(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        return range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise ValueError(f"{text!r} is not a port or a range of ports such as 1025-65535") from None


def _malformed(text: str) -> Fault:
    return Fault(text, reason=f"the address {text}")
