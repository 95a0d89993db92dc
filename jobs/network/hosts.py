"""Rules for host names; their addresses are checked later, by `addresses`.

Some names only exist on private networks: `localhost`, a single label, `*.internal`, our own public host. An
operator may want to allow exactly them (`FETCH_ALLOW=127.0.0.1/32` and `http://localhost:8000/cup.jpg`), so
they are not refused as such, but may resolve only to networks in FETCH_ALLOW. If that is empty, they are
refused before any look-up.
"""

from collections.abc import Iterable

from jobs.config.hosts import host_pattern, is_address

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
    """Rules for names in lower case, without a trailing dot.

    `only` has exact hosts and patterns such as `*.shop.com` (all subdomains, not `shop.com` itself); if
    empty, all hosts are allowed. `own` has our public hosts. Raises ValueError for other text.
    """

    def __init__(self, only: Iterable[str] = (), own: Iterable[str] = ()) -> None:
        self._only = tuple(host_pattern(text) for text in only)
        self._own = tuple(host_pattern(text) for text in own)

    def refuses(self, host: str) -> bool:
        """Whether the operator's list excludes `host`."""
        return bool(self._only) and not _matches_any(host, self._only)

    def is_private(self, host: str) -> bool:
        """Whether `host` may resolve only to networks in FETCH_ALLOW."""
        if _matches_any(host, self._own):
            return True
        _, dot, ending = host.rpartition(".")
        return not is_address(host) and (not dot or ending in PRIVATE_ENDINGS)


def _matches_any(host: str, patterns: Iterable[str]) -> bool:
    return any(host.endswith(p[1:]) if p.startswith("*") else host == p for p in patterns)
