"""Fetches URLs in its own network namespace, where every address is this host, so a hole causes a hit.

    python -m tests.worker.fetch.inside_namespace < jobs > findings

`jobs` is a JSON list of the URLs to fetch one after the other, `findings` a list of each result and the
addresses that were hit meanwhile. `lo` must be up, with all of IPv4 and IPv6 routed to it.
"""

import json
import socket
import ssl
import sys
import threading
from collections import Counter
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import unquote

from jobs.network.guard import system_resolve
from tests.worker.fetch.names import NAMES
from worker.fetch import Fetcher, FetchError, FetchRules

PORTS = (22, 25, 53, 80, 443, 1024, 6379, 8080, 11211)
PICTURE = "a picture"
TLS = ssl.create_default_context()


class Everywhere:
    """One server on all addresses. `/to/<encoded URL>` redirects there, all else is the picture."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        for port in PORTS:
            for family, wildcard in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                listener = socket.create_server((wildcard, port), family=family, backlog=64)
                threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            self.hits.append(str(ip_address(connection.getsockname()[0])))
            with connection, suppress(OSError):
                connection.settimeout(5)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        path = connection.recv(65536).split(b" ")[1].decode()
        if path.startswith("/to/"):
            head = f"302 Found\r\nlocation: {unquote(path[4:])}"
        else:
            head = f"200 OK\r\ncontent-length: {len(PICTURE)}"
        connection.sendall(f"HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{PICTURE}".encode())


class NameServer:
    """Answers from `NAMES` in turn, and asks the system for the rest, as a careless fetcher would."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked[host] += 1
        if host not in NAMES:
            return system_resolve(host, port)
        answers = NAMES[host]
        return answers[min(self.asked[host], len(answers)) - 1]


def investigate(url: str, everywhere: Everywhere, rules: FetchRules) -> dict[str, object]:
    everywhere.hits.clear()
    names = NameServer()
    finding: dict[str, object] = {"url": url}
    try:
        with Fetcher(rules, resolve=names, ssl_context=TLS) as fetcher:
            finding["body"] = fetcher.get(url, field="mask").data.decode()
    except FetchError as error:
        finding |= {"text": str(error), "code": error.code, "reason": error.reason}
    return finding | {"hits": list(everywhere.hits), "asked": dict(names.asked)}


def main() -> None:
    everywhere = Everywhere()
    rules = FetchRules(refuse_hosts=("our.host.com",), connect_timeout_s=2, total_timeout_s=4)
    findings = [investigate(url, everywhere, rules) for url in json.load(sys.stdin)]
    json.dump(findings, sys.stdout)


if __name__ == "__main__":
    main()
