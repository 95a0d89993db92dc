"""Which IP addresses may be reached.

Sources: IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and what it lists), the multicast
and reserved space, and the metadata addresses of clouds. `ipaddress.is_global` is not used: it lets
multicast, 6to4 of 127.0.0.1 and several metadata services through.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DENIED_V4 = {
    IPv4Network("0.0.0.0/8"): "this network (RFC 791)",
    IPv4Network("10.0.0.0/8"): "private (RFC 1918)",
    IPv4Network("100.64.0.0/10"): "carrier-grade NAT (RFC 6598), metadata 100.100.100.200",
    IPv4Network("127.0.0.0/8"): "loopback (RFC 1122)",
    IPv4Network("168.63.129.16/32"): "Azure's host agent",
    IPv4Network("169.254.0.0/16"): "link-local (RFC 3927), metadata 169.254.169.254",
    IPv4Network("172.16.0.0/12"): "private (RFC 1918)",
    IPv4Network("192.0.0.0/24"): "protocol assignments (RFC 6890), metadata 192.0.0.192",
    IPv4Network("192.0.2.0/24"): "documentation (RFC 5737)",
    IPv4Network("192.31.196.0/24"): "AS112 (RFC 7535)",
    IPv4Network("192.52.193.0/24"): "multicast tunnels (RFC 7450)",
    IPv4Network("192.88.99.0/24"): "6to4 relays (RFC 7526)",
    IPv4Network("192.168.0.0/16"): "private (RFC 1918)",
    IPv4Network("192.175.48.0/24"): "AS112 (RFC 7534)",
    IPv4Network("198.18.0.0/15"): "benchmarks (RFC 2544)",
    IPv4Network("198.51.100.0/24"): "documentation (RFC 5737)",
    IPv4Network("203.0.113.0/24"): "documentation (RFC 5737)",
    IPv4Network("224.0.0.0/4"): "multicast (RFC 5771)",
    IPv4Network("240.0.0.0/4"): "reserved (RFC 1112) and broadcast",
}

UNICAST_V6 = IPv6Network("2000::/3")
"""The only IPv6 space assigned to networks (RFC 4291). Outside it are loopback, unique-local, link-local,
site-local and multicast addresses, and the IPv4 addresses of mapped (::ffff:0:0/96), compatible (::/96),
SIIT (::ffff:0:0:0/96) and local NAT64 ones."""

DENIED_V6 = {
    IPv6Network("2001::/23"): "protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID",
    IPv6Network("2001:db8::/32"): "documentation (RFC 3849)",
    IPv6Network("2002::/16"): "6to4 (RFC 3056)",
    IPv6Network("2620:4f:8000::/48"): "AS112 (RFC 7534)",
    IPv6Network("3ffe::/16"): "6bone, given back (RFC 3701)",
    IPv6Network("3fff::/20"): "documentation (RFC 9637)",
}

NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: leads to the embedded IPv4 address, which is checked instead."""

ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""RFC 5214: the upper half of an interface identifier whose lower half is an IPv4 address."""


class AddressRules:
    """Rules for one address: `allow` overrides `refuse`, which overrides the tables above.

    Raises ValueError for text that is not a network such as `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`.
    """

    def __init__(self, allow: Iterable[str] = (), refuse: Iterable[str] = ()) -> None:
        self._allow = tuple(ip_network(text) for text in allow)
        self._refuse = tuple(ip_network(text) for text in refuse)

    @property
    def allows_any(self) -> bool:
        """Whether the operator allows any private network."""
        return bool(self._allow)

    def refusal(self, text: str, *, private_name: bool = False) -> str | None:
        """Why the address `text` may not be reached, or None.

        A private name may reach allowed networks only.
        """
        try:
            address = ip_address(text)
        except ValueError:
            return f"{text!r} is not an address"
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            return f"{address} is bound to an interface"
        if _is_in(address, self._allow):
            return None
        if private_name:
            return f"a private name leads to {address}, which is not in FETCH_ALLOW"
        if _is_in(address, self._refuse):
            return f"{address} is refused by the settings"
        kind = _special_v4(address) if isinstance(address, IPv4Address) else _special_v6(address)
        return None if kind is None else f"{address} is {kind}"


def _special_v4(address: IPv4Address) -> str | None:
    return next((kind for network, kind in DENIED_V4.items() if address in network), None)


def _special_v6(address: IPv6Address) -> str | None:
    if address in NAT64:
        return _special_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in UNICAST_V6:
        return "outside IPv6 unicast"
    if (int(address) >> 32) & 0xFFFF_FFFF in ISATAP:
        return "ISATAP (RFC 5214)"
    return next((kind for network, kind in DENIED_V6.items() if address in network), None)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
