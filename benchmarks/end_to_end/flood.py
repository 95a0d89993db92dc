"""As many calls as a server can answer, over several connections."""

import os
import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.harness.http import Connection, UnexpectedAnswer, body_length

CONNECTIONS = 16


def requests_per_s(url: str, path: str, headers: Mapping[str, str], seconds: float) -> float:
    """Answers of 200 per second to a GET, each connection asking again as soon as it has its answer."""
    message = (asker := Connection(url, headers)).request("GET", path)
    asker.close()
    host, _, port = url.removeprefix("http://").partition(":")
    selector, answered = selectors.DefaultSelector(), 0
    for _ in range(CONNECTIONS):
        connection = socket.create_connection((host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(message)
    start = time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        for key, _ in selector.select():
            _await_answer(key.fileobj)  # type: ignore[arg-type]
            answered += 1
            key.fileobj.sendall(message)  # type: ignore[union-attr]
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    return answered / (now - start)


def _await_answer(connection: socket.socket) -> None:
    """One whole answer; small ones come in one piece."""
    received = connection.recv(65536)
    while b"\r\n\r\n" not in received or len(received) < _whole(received):
        more = connection.recv(65536)
        if not more:
            raise UnexpectedAnswer(f"the server closed the connection: {received[:500]!r}")
        received += more
    if received[9:12] != b"200":
        raise UnexpectedAnswer(received[:500])


def _whole(received: bytes) -> int:
    head, _, _ = received.partition(b"\r\n\r\n")
    return len(head) + 4 + body_length(head)


@contextmanager
def apart(server: int, *others: int) -> Iterator[None]:
    """The server on one core, everything else named and ourselves on another, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        yield
        return
    pids = (server, *others, 0)
    for pid in pids:
        os.sched_setaffinity(pid, {cores[0] if pid == server else cores[1]})
    yield
    for pid in pids:
        os.sched_setaffinity(pid, cores)
