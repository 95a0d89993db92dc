"""The guarded fetch against plain `httpx.Client.get`, on loopback, in interleaved pairs.

    python -m benchmarks.fetch [--pairs 2000]

Prints, for pictures of three sizes, the medians of both and the median of their ratio pair by pair: a pair
shares whatever else the machine is doing, so the ratio is steady where the times are not. Below 1 the guarded
one is faster.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection

import httpx

from worker.fetch import Fetcher, FetchRules

SIZES = (20_000, 200_000, 600_000)
WARM_UP = 50


class PictureServer(asyncio.Protocol):
    """Answers every request for `/N` with N bytes, and keeps the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            head, _, self._asked = self._asked.partition(b"\r\n\r\n")
            size = int(head.split()[1][1:])
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: %d\r\n\r\n" % size
                + bytes(size)
            )


def serve(ready: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(PictureServer, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def seconds(get: Callable[[], object]) -> float:
    start = time.perf_counter()
    get()
    return time.perf_counter() - start


def compare(base_url: str, size: int, pairs: int) -> None:
    url = f"{base_url}/{size}"
    rules = FetchRules(allow_networks=("127.0.0.1/32",))
    with httpx.Client() as client, Fetcher(rules) as fetcher:
        calls = [lambda: client.get(url).content, lambda: fetcher.get(url, field="base_image")]
        times: list[list[float]] = [[], []]
        for n in range(WARM_UP + pairs):
            for which in (0, 1) if n % 2 else (1, 0):
                times[which].append(seconds(calls[which]))
    plain, guarded = (part[WARM_UP:] for part in times)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(guarded, plain, strict=True))
    print(
        f"{size:>8,} bytes   plain httpx {statistics.median(plain) * 1e3:.3f} ms   "
        f"guarded {statistics.median(guarded) * 1e3:.3f} ms   ratio {ratio:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=2000)
    pairs = parser.parse_args().pairs
    here, there = get_context("spawn").Pipe()
    server = get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    with closing(here):
        base_url = f"http://127.0.0.1:{here.recv()}"
        for size in SIZES:
            compare(base_url, size, pairs)
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
