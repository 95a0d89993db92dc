"""The settings of a fetcher, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FetchRules:
    """What may be fetched, and the limits of a fetch. Times in seconds, sizes in bytes.

    allow_networks: private networks that are allowed (`10.1.0.0/16`, `127.0.0.1/32`).
    refuse_networks: public networks that are refused, such as our own addresses.
    allow_hosts: if not empty, the only allowed hosts (`images.shop.com`, `*.shop.com`).
    refuse_hosts: our own public hosts, allowed only through allow_networks.
    ports: a list of ports and ranges.
    connect_timeout_s: for TCP, and again for TLS, so that a dead address leaves time for the next one.
    total_timeout_s: for look-up, connection, headers, body and redirects together.
    max_bytes: of one image, both compressed and decompressed.
    """

    allow_networks: tuple[str, ...] = ()
    refuse_networks: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    refuse_hosts: tuple[str, ...] = ()
    ports: str = "80,443,1025-65535"
    connect_timeout_s: float = 5.0
    total_timeout_s: float = 20.0
    max_bytes: int = 20 * 1024 * 1024
    max_redirects: int = 10
    user_agent: str = "superimpose"
