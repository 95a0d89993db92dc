"""Rules for the text of a URL to fetch, before any look-up: at submit, and again at a redirect.

`urlsplit` silently drops tabs and line breaks, so the text is parsed here once, and every later step uses the
parts.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin

from jobs.config.hosts import DEFAULT_PORTS, NumericHost, canonical_host, port_ranges

MAX_URL_LENGTH = 4096
MAX_SHOWN_LENGTH = 200

_URL = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_NOT_ENCODED = "%!#$&'()*+,/:;=?@[]~"  # RFC 3986's reserved characters, and the % of encoded ones
_ENCODED_IN_QUERY = {ord(each): quote(each) for each in '"<>'}
_ENCODED_IN_PATH = {ord(each): quote(each) for each in '"<>`{}'}


class InvalidUrl(ValueError):
    """The text is not a URL that may be fetched; the message follows the URL or the field in a sentence."""


class Target(NamedTuple):
    """A valid URL: `host` in lower case without brackets or trailing dot, `path` with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port, as in the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def request_target(self) -> str:
        """As browsers send it: invalid characters encoded, dot segments removed (url.spec.whatwg.org)."""
        path, mark, query = self.path.partition("?")
        segments: list[str] = []
        for segment in path.split("/")[1:]:
            dots = segment.lower().replace("%2e", ".")
            if dots == "..":
                segments = segments[:-1]
            elif dots != ".":
                segments.append(segment)
        if dots in (".", ".."):
            segments.append("")
        path = "/" + "/".join(segments)
        return path.translate(_ENCODED_IN_PATH) + mark + query.translate(_ENCODED_IN_QUERY)

    @property
    def shown(self) -> str:
        """The URL for messages and logs: without its query, and shortened."""
        text, _, _ = self.url.partition("?")
        return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}..."


class UrlRules:
    """The rules of the settings. Raises ValueError for `ports` unlike `80,443,1025-65535`."""

    def __init__(self, ports: str) -> None:
        self._ports = port_ranges(ports)

    def target(self, url: str) -> Target:
        return self.check(read_url(url))

    def check(self, target: Target) -> Target:
        if not any(target.port in allowed for allowed in self._ports):
            raise InvalidUrl(f"uses port {target.port}, which is not allowed here")
        return target

    def redirected(self, target: Target, location: str) -> Target:
        """The target of a redirect from `target` to `location`, which may be relative. Raises InvalidUrl.

        Servers send raw spaces and Unicode in Location: %-encoding makes a path valid, but not a host.
        """
        try:
            url = urljoin(target.url, quote(location, safe=_NOT_ENCODED))
        except ValueError:
            raise InvalidUrl("is not a URL") from None
        return self.target(url)


def read_url(text: str) -> Target:
    """Parse a URL, ignoring white space around it. Raises InvalidUrl."""
    url = text.strip()
    _check_characters(url)
    match = _URL.fullmatch(url)
    if match is None:
        raise InvalidUrl("must begin with http:// or https:// and a host")
    scheme, authority, path = match[1].lower(), match[2], match[3]
    host, port = _split_authority(authority)
    number = DEFAULT_PORTS[scheme] if port is None else int(port)
    return Target(scheme, _host(host), number, path if path.startswith("/") else f"/{path}")


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL_LENGTH:
        raise InvalidUrl(f"is a URL of {len(url):,} characters, at most {MAX_URL_LENGTH:,} are allowed")
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
