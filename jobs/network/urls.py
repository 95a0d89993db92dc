"""Rules on the text of a URL that is to be fetched, before any look-up: at submit, and again at a redirect.

`urlsplit` drops tabs and line ends in silence, so the text is matched here, once, and every later step uses
the parts.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin

from jobs.config.hosts import NumericHost, canonical_host, port_ranges

LONGEST_URL = 4096
LONGEST_SHOWN = 200

_URL = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_LEFT_AS_IS = "%!#$&'()*+,/:;=?@[]~"  # RFC 3986's reserved characters, and what is encoded already
_ENCODED_IN_QUERY = {ord(each): quote(each) for each in '"<>'}
_ENCODED_IN_PATH = {ord(each): quote(each) for each in '"<>`{}'}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class InvalidUrl(ValueError):
    """The text is not a URL that may be fetched; it is the end of a sentence that begins with the address."""


class Target(NamedTuple):
    """A URL that passed: `host` is lower case without brackets or a last dot, `path` holds the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port, as in a URL and the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL again, in the form that was checked."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def request_target(self) -> str:
        """As browsers send it: what no URL may hold encoded, dot segments removed (url.spec.whatwg.org)."""
        before, mark, query = self.path.partition("?")
        kept: list[str] = []
        for segment in before.split("/")[1:]:
            dots = segment.lower().replace("%2e", ".")
            if dots == "..":
                kept = kept[:-1]
            elif dots != ".":
                kept.append(segment)
        if dots in (".", ".."):
            kept.append("")
        return "/" + "/".join(kept).translate(_ENCODED_IN_PATH) + mark + query.translate(_ENCODED_IN_QUERY)

    @property
    def shown(self) -> str:
        """The URL as texts and logs may name it: no query, no userinfo (none passes), not endless."""
        text, _, _ = self.url.partition("?")
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


class UrlRules:
    """What is asked of a URL beyond its form. Raises ValueError on ports that are not `80,443,1025-65535`."""

    def __init__(self, ports: str) -> None:
        self._ports = port_ranges(ports)

    def target(self, url: str) -> Target:
        return self.check(read_url(url))

    def check(self, target: Target) -> Target:
        """`target` itself. Raises InvalidUrl."""
        if not any(target.port in allowed for allowed in self._ports):
            raise InvalidUrl(f"uses port {target.port}, which is not allowed here")
        return target

    def redirected(self, target: Target, location: str) -> Target:
        """Where `target` sends us with `location`, which may be relative. Raises InvalidUrl.

        Servers send raw spaces and Unicode here; %-encoding mends them in a path, and in a host spoils them.
        """
        try:
            following = urljoin(target.url, quote(location, safe=_LEFT_AS_IS))
        except ValueError:
            raise InvalidUrl("is not a URL") from None
        return self.target(following)


def read_url(text: str) -> Target:
    """The parts of a URL, with or without white space around it. Raises InvalidUrl."""
    url = text.strip()
    _check_characters(url)
    match = _URL.fullmatch(url)
    if match is None:
        raise InvalidUrl("must begin with http:// or https:// and a host")
    scheme, authority, path = match[1].lower(), match[2], match[3]
    host, port = _split_authority(authority)
    number = _DEFAULT_PORTS[scheme] if port is None else int(port)
    return Target(scheme, _host(host), number, path if path.startswith("/") else f"/{path}")


def _check_characters(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise InvalidUrl(f"is a URL of {len(url):,} characters, at most {LONGEST_URL:,} are allowed")
    if not url.isascii():
        raise InvalidUrl("has letters beyond ASCII: write the host in its xn-- form and the rest %-encoded")
    if not url.isprintable() or " " in url or "\\" in url:
        raise InvalidUrl("has a space, a backslash or a control character: write it %-encoded")


def _split_authority(authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise InvalidUrl("has a user name in it: only images that need no login can be fetched")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise InvalidUrl("has no readable host and port")
    return match[1], match[2]


def _host(text: str) -> str:
    try:
        return canonical_host(text)
    except NumericHost:
        raise InvalidUrl("has a host that is a number: write an IPv4 address as 203.0.113.7") from None
    except ValueError:
        raise InvalidUrl("has a host that is not a name or an address") from None
