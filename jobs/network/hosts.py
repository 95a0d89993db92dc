"""Which host names may be asked for at all; their addresses are judged afterwards, by `addresses`.

Some names can only mean something on a private network: `localhost`, a single label, `*.internal`, our own
public host. They are not refused by their text, since an operator may want exactly them
(`FETCH_ALLOW=127.0.0.1/32` and `http://localhost:8000/cup.jpg`); they may lead to networks in
`allow_networks` and nowhere else, so that with none set they are refused before any look-up.
"""

from collections.abc import Iterable

from jobs.config.hosts import host_pattern, is_address

PRIVATE_ENDINGS = frozenset(
    {
        "localhost",  # RFC 6761
        "local",  # RFC 6762, multicast DNS
        "internal",  # kept private by ICANN in 2024
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
    """Judges names, in lower case and without a last dot.

    `only` holds exact hosts and `*.shop.com` (any depth below, not `shop.com` itself), and empty means any;
    `own` holds our public hosts. Raises ValueError on what is neither.
    """

    def __init__(self, only: Iterable[str] = (), own: Iterable[str] = ()) -> None:
        self._only = tuple(host_pattern(text) for text in only)
        self._own = tuple(host_pattern(text) for text in own)

    def refuses(self, host: str) -> bool:
        """Whether `host` is none of those that the operator has named."""
        return bool(self._only) and not _matches_any(host, self._only)

    def is_private(self, host: str) -> bool:
        """Whether `host` may lead to `allow_networks` only."""
        if _matches_any(host, self._own):
            return True
        _, dot, ending = host.rpartition(".")
        return not is_address(host) and (not dot or ending in PRIVATE_ENDINGS)


def _matches_any(host: str, patterns: Iterable[str]) -> bool:
    return any(host.endswith(p[1:]) if p.startswith("*") else host == p for p in patterns)
