"""Checks which addresses may be fetched from, and name resolution."""

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong

from cli.doctor.finding import Finding, Findings, ok, warn, warn_unless
from jobs.config.settings import Settings
from jobs.network.addresses import AddressRules

PUBLIC_NAME = "example.com"
RESOLVE_S = 5.0


def check_fetch(settings: Settings) -> Findings:
    refused = AddressRules(settings.fetch_allow).refusal("127.0.0.1") is not None
    yield warn_unless(
        "fetch rules",
        refused,
        f"this machine's own addresses {'are refused' if refused else 'may be fetched from'}",
        "leave SUPERIMPOSE_FETCH_ALLOW empty except for tests: clients choose the addresses",
    )
    yield _resolved(next((host for host in settings.fetch_hosts if "*" not in host), PUBLIC_NAME))


def _resolved(name: str) -> Finding:
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, name, 443).result(RESOLVE_S)
    except (OSError, TookTooLong):
        advice = "inputs by URL will fail: look at the resolver (/etc/resolv.conf) and the firewall"
        return warn("name resolution", f"{name} cannot be resolved", advice)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return ok("name resolution", f"{name} can be resolved")
