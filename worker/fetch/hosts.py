"""Which host names may be asked for at all; their addresses are judged afterwards, by `addresses`.

Some names can only mean something on a private network: `localhost`, a single label, `*.internal`, our own
public host. They are not refused by their text, since an operator may want exactly them
(`FETCH_ALLOW=127.0.0.1/32` and `http://localhost:8000/cup.jpg`); they may lead to networks in
`allow_networks` and nowhere else, so that with none set they are refused before any look-up.
"""

from collections.abc import Iterable

from worker.fetch.urls import is_address

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
    """Judges names. `only` holds exact hosts and `*.shop.com` (any depth below, not `shop.com` itself);
    empty is any.

    Raises ValueError on a pattern with a `*` anywhere but in front.
    """

    def __init__(self, only: Iterable[str] = (), own: Iterable[str] = ()) -> None:
        self._only = tuple(_pattern(text) for text in only)
        self._own = frozenset(_canonical(text) for text in own)

    def refuses(self, host: str) -> bool:
        """Whether `host` is none of those that the operator has named."""
        return bool(self._only) and not any(_matches(host, pattern) for pattern in self._only)

    def is_private(self, host: str) -> bool:
        """Whether `host` may lead to `allow_networks` only."""
        if host in self._own:
            return True
        _, dot, ending = host.rpartition(".")
        return not is_address(host) and (not dot or ending in PRIVATE_ENDINGS)


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def _pattern(text: str) -> str:
    pattern = _canonical(text)
    if "*" in pattern.removeprefix("*."):
        raise ValueError(f"{text!r} is not a host such as shop.com or *.shop.com")
    return pattern


def _canonical(host: str) -> str:
    return host.strip().lower().removesuffix(".").strip("[]")
