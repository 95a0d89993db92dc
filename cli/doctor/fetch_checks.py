"""Fetching: a sample from a server of our own, what must be refused, and the resolver."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cli.doctor.finding import Finding, Findings, fail, judged, ok, warn
from jobs.config.settings import Settings
from jobs.pictures.inputs import sample_bytes
from worker.fetch import Fetcher, FetchError, FetchRules
from worker.resources import fetch_rules

SAMPLE = sample_bytes("cup.jpg") or b""
LOOPBACK = "127.0.0.1/32"
PUBLIC_NAME = "example.com"
RESOLVE_S = 5.0


def check_fetch(settings: Settings) -> Findings:
    """The worker's fetcher under the worker's rules, and under those that let it reach this machine."""
    rules = fetch_rules(settings)
    with _serving() as url:
        yield _fetched(url, rules)
        yield _refused(url, rules)
    yield _resolved(next((host for host in settings.fetch_hosts if "*" not in host), PUBLIC_NAME))


def _fetched(url: str, rules: FetchRules) -> Finding:
    own = replace(
        rules,
        allow_networks=(*rules.allow_networks, LOOPBACK),
        allow_hosts=(),
        refuse_hosts=(),
        ports="1-65535",
    )
    try:
        with Fetcher(own) as fetcher:
            same = fetcher.get(url, field="sample") == SAMPLE
    except (FetchError, OSError) as error:
        return fail("fetch", f"a sample cannot be fetched: {error}", "report it with this line")
    return judged(
        "fetch", same, f"a sample of {len(SAMPLE):,} bytes arrived whole", "report it with this line"
    )


def _refused(url: str, rules: FetchRules) -> Finding:
    """What lies on this machine must not be fetched for strangers."""
    try:
        with Fetcher(rules) as fetcher:
            fetcher.get(url, field="sample")
    except FetchError:
        return ok("fetch rules", "this machine's own addresses are refused")
    advice = (
        "leave SUPERIMPOSE_FETCH_ALLOW empty unless you are trying things out: strangers choose addresses"
    )
    return warn("fetch rules", "this machine's own addresses may be fetched from", advice)


def _resolved(name: str) -> Finding:
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, name, 443).result(RESOLVE_S)
    except (OSError, TookTooLong):
        advice = "inputs by URL will fail: look at the resolver (/etc/resolv.conf) and the firewall"
        return warn("name resolution", f"{name} has no address here", advice)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return ok("name resolution", f"{name} is found")


class _Sample(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(SAMPLE)))
        self.end_headers()
        self.wfile.write(SAMPLE)

    def log_message(self, *_: object) -> None:
        """It is the finding that counts."""


@contextmanager
def _serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sample) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/cup.jpg"
        server.shutdown()
        thread.join()
