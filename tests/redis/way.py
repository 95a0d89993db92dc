"""A TCP proxy to a Redis that drops replies, or whole connections."""

import contextlib
import math
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TICK_S = 0.05


class Way:
    """Requests always arrive, so that one that is sent twice has its effect twice.

    `to_drop` is the number of next replies that are dropped: all, once a request contains `drop_from`. The
    others are `rewritten`.
    """

    def __init__(self, redis_socket: Path) -> None:
        self.to_drop: float = 0
        self.drop_from: bytes | None = None
        self._is_found = threading.Event()
        self.forgets: set[socket.socket] = set()
        """Connections that break at their next request, as if a NAT had forgotten them."""
        self.clients: set[socket.socket] = set()
        self.rewritten: Callable[[bytes], bytes] = bytes
        self._redis_socket = redis_socket
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TICK_S)
        self._open, self._closed = threading.Event(), threading.Event()
        self._open.set()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Connections are accepted, but no connection, old or new, gets a reply."""
        self.to_drop = math.inf
        yield
        self.to_drop = 0

    @contextmanager
    def deaf_from(self, part: bytes, seconds: float) -> Iterator[None]:
        """From the request that contains `part` on, no reply comes back for `seconds`."""
        self.drop_from = part

        def recover() -> None:
            self._is_found.wait(50)
            time.sleep(seconds)
            self.to_drop = 0

        recovering = threading.Thread(target=recover)
        recovering.start()
        yield
        recovering.join()
        assert self._is_found.is_set(), f"no request contained {part!r}"

    @contextmanager
    def full(self) -> Iterator[None]:
        """Like `silent`, and the kernel drops the packets of new connections."""
        self._open.clear()
        with self.silent(), contextlib.ExitStack() as waiting:
            self._listener.listen(0)
            with contextlib.suppress(TimeoutError):
                for _ in range(8):
                    waiting.enter_context(socket.create_connection(("127.0.0.1", self.port), 4 * TICK_S))
                raise AssertionError("the backlog accepts more connections than it should")
            yield
        self._listener.listen()
        self._open.set()

    @contextmanager
    def serving(self) -> Iterator["Way"]:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._closed.set()
            self._open.set()
            accepting.join()
            self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            self._open.wait()
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                client.setblocking(True)
                self.clients.add(client)
                redis = socket.socket(socket.AF_UNIX)
                redis.connect(str(self._redis_socket))
                for forward in (self._requests, self._replies):
                    threading.Thread(target=forward, args=(client, redis), daemon=True).start()

    def _requests(self, client: socket.socket, redis: socket.socket) -> None:
        with redis, contextlib.suppress(OSError):
            while request := client.recv(65536):
                if client in self.forgets:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()
                    break
                if self.drop_from and self.drop_from in request:
                    self.to_drop, self.drop_from = math.inf, None
                    self._is_found.set()
                redis.sendall(request)
            redis.shutdown(socket.SHUT_RDWR)

    def _replies(self, client: socket.socket, redis: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while reply := redis.recv(65536):
                if self.to_drop > 0:
                    self.to_drop -= 1
                else:
                    client.sendall(self.rewritten(reply))
