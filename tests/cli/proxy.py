"""A proxy between client and service that drops responses or sends its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx

from tests.in_thread import in_thread
from tests.stack import ON_LOOPBACK

Fault = Literal["lost", "cut", "full"] | tuple[int, dict[str, str]]
"""Drop the response; do not read the body; have a full queue for `FULL_S`; or this status and headers."""
FULL_S = 1


SUBMIT = "POST /v2/superimpose"
OF_A_HOP = frozenset({"host", "transfer-encoding"})


class FaultyProxy(ThreadingHTTPServer):
    """Forwards calls to the service at `target`; `faults` by method and path affect the first calls."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.service = httpx.Client(base_url=target, timeout=40, **ON_LOOPBACK)
        self.faults: dict[str, list[Fault]] = {}
        self.asked: list[str] = []
        self.bodies: list[tuple[str, str | None, bytes]] = []  # call, Idempotency-Key, body
        self.arrived = threading.Condition()
        self.held: dict[str, int] = {}  # how many calls are forwarded, by method and path; others wait
        self.full_until = 0.0

    def handle_error(self, *_: object) -> None:
        """Ignores clients that disconnect, which some tests cause."""

    @property
    def submitted(self) -> int:
        """The number of requests, including those in batches."""
        batches = [body for call, _, body in self.bodies if call == f"{SUBMIT}/batch"]
        return self.asked.count(SUBMIT) + sum(len(body.splitlines()) - 1 for body in batches)

    def await_calls(self, call: str, times: int) -> None:
        """Wait for this number of calls."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.asked.count(call) >= times, timeout=60)

    @contextmanager
    def holding(self, call: str, after: int) -> Iterator[None]:
        """Let only this number of calls through; the others follow at the end."""
        self.held[call] = after
        try:
            yield
        finally:
            with self.arrived:
                del self.held[call]
                self.arrived.notify_all()

    def await_body(self, call: str) -> None:
        """Wait until a call has arrived completely."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: any(call == each for each, *_ in self.bodies), timeout=60)


class _Handler(BaseHTTPRequestHandler):
    server: FaultyProxy

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        path = self.path.partition("?")[0]
        call = f"{self.command} {'/pictures' if path.startswith('/pictures/') else path}"
        with self.server.arrived:
            self.server.asked.append(call)
            self.server.arrived.notify_all()
            number = self.server.asked.count(call)
            self.server.arrived.wait_for(lambda: number <= self.server.held.get(call, number), timeout=60)
        faults = self.server.faults.get(call)
        fault = faults.pop(0) if faults else None
        if fault == "cut":
            self.close_connection = True
            return
        body = self._read_body()
        with self.server.arrived:
            self.server.bodies.append((call, self.headers.get("idempotency-key"), body))
            self.server.arrived.notify_all()
        if fault == "full":
            self.server.full_until = time.monotonic() + FULL_S
        if call.startswith(SUBMIT) and time.monotonic() < self.server.full_until:
            headers = {"Retry-After": str(FULL_S)}
            self._answer(429, headers, b'{"error": "not now", "code": "queue_full"}')
            return
        if isinstance(fault, tuple):
            self._answer(fault[0], fault[1], b'{"error": "not now", "code": "busy"}')
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_A_HOP}
        answer = self.server.service.request(self.command, self.path, content=body, headers=headers)
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(answer.status_code, {"Content-Type": answer.headers["content-type"]}, answer.content)

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: assertions report failures."""


@contextmanager
def faulty_proxy(target: str) -> Iterator[FaultyProxy]:
    """A running proxy."""
    with in_thread(FaultyProxy(target)) as proxy, proxy.service:
        yield proxy
