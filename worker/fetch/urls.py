"""Rules on the text of a URL, before any look-up.

`urlsplit` drops tabs and line ends in silence, so the text is matched here, once, and every later step uses
the parts.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin

from jobs.hosts import NumericHost, canonical_host, port_ranges
from worker.fetch.errors import Fault, unreachable

LONGEST_URL = 4096
LONGEST_SHOWN = 200

_URL = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
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
        self._ports = port_ranges(ports)

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
        return Target(scheme, _host(host), number, path if path.startswith("/") else f"/{path}")

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


def _host(text: str) -> str:
    try:
        return canonical_host(text)
    except NumericHost as error:
        raise unreachable(f"the host is {error}") from None
    except ValueError:
        raise _malformed("has a host that is not a name or an address") from None


def _malformed(text: str) -> Fault:
    return Fault(text, reason=f"the address {text}")
