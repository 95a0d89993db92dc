"""The name server of the tests: each look-up of a name returns its next answer, then the last one."""

PUBLIC_V4 = "93.184.216.34"
PUBLIC_V6 = "2606:2800:220:1:248:1893:25c8:1946"
PUBLIC = frozenset({PUBLIC_V4, PUBLIC_V6, "64:ff9b::5db8:d822"})

NAMES: dict[str, list[list[str]]] = {
    "shop.com": [[PUBLIC_V4]],
    "six.shop.com": [[PUBLIC_V6]],
    "xn--mnchen-3ya.de": [[PUBLIC_V4]],
    "my_shop.com": [[PUBLIC_V4]],
    "nat64.shop.com": [["64:ff9b::5db8:d822"]],
    "rebind.shop.com": [[PUBLIC_V4], ["127.0.0.1"]],
    "rebind-metadata.shop.com": [[PUBLIC_V4], ["169.254.169.254"]],
    "mixed.shop.com": [[PUBLIC_V4, "127.0.0.1"]],
    "mixed-first.shop.com": [["10.0.0.1", PUBLIC_V4]],
    "mixed-six.shop.com": [[PUBLIC_V4, "::1"]],
    "hundred.shop.com": [[PUBLIC_V4] * 100 + ["192.168.1.1"]],
    "to-loopback.shop.com": [["127.0.0.1"]],
    "to-private.shop.com": [["192.168.1.1"]],
    "to-metadata.shop.com": [["169.254.169.254"]],
    "to-mapped.shop.com": [["::ffff:127.0.0.1"]],
    "to-6to4.shop.com": [["2002:7f00:1::"]],
    "to-nat64.shop.com": [["64:ff9b::a9fe:a9fe"]],
    "to-zone.shop.com": [["fe80::1%lo"]],
    "to-junk.shop.com": [["not an address"]],
    "localhost": [["127.0.0.1"]],
    "images": [["10.0.0.1"]],
    "public-but-private.internal": [[PUBLIC_V4]],
    "metadata.google.internal": [["169.254.169.254"]],
    "xn--80ak6aa92e.com": [["127.0.0.1"]],
    "127.0.0.1.nip.io": [["127.0.0.1"]],
    "our.host.com": [[PUBLIC_V4]],
    "closed.shop.com": [[PUBLIC_V4]],
}
