"""Resolves names by the operating system."""

import socket
from collections.abc import Callable, Sequence

Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) to all addresses of the name, as text. Raises OSError or UnicodeError if there is none."""

LOOKUPS_AT_ONCE = 32
"""Concurrent look-ups; further ones wait, as each may hang in a thread until the name server times out."""


def system_resolve(host: str, port: int) -> list[str]:
    """All addresses of `host`, in the system's order of preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
