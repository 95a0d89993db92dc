"""The guarded fetch against plain `httpx.Client.get`, and with its HTTP cache against itself, on loopback.

    python -m benchmarks.scenarios.fetch [--pairs 2000]

Prints, for pictures of three sizes, the medians of all, and in brackets the median of the ratio to what each
is compared with, pair by pair: a pair shares whatever else the machine is doing, so the ratio is steady where
the times are not. Below 1 the cache, or the guarded one, is faster.

guarded: compared with plain httpx. The others with guarded: found, a picture that is kept and fresh; kept, a
picture that is fetched and kept; forbidden, a picture that is fetched and may not be kept.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

from worker.fetch import BoundedDirectory, Fetcher, FetchRules

SIZES = (20_000, 200_000, 600_000)
WARM_UP = 50
ROOM = 256 * 1024 * 1024

Get = Callable[[int], object]


class PictureServer(asyncio.Protocol):
    """Answers every request for `/N` with N bytes and for `/N?...` so that they may be kept."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            head, _, self._asked = self._asked.partition(b"\r\n\r\n")
            path, query, _ = head.split()[1].partition(b"?")
            size, freshness = int(path[1:]), b"max-age=3600" if query else b"no-store"
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n"
                b"cache-control: %b\r\ncontent-length: %d\r\n\r\n" % (freshness, size) + bytes(size)
            )


def serve(ready: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(PictureServer, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def seconds(get: Get, number: int) -> float:
    start = time.perf_counter()
    get(number)
    return time.perf_counter() - start


def compare(name: str, get: Get, reference: Get, pairs: int) -> str:
    calls, times = (reference, get), ([], [])
    for n in range(WARM_UP + pairs):
        for which in (0, 1) if n % 2 else (1, 0):
            times[which].append(seconds(calls[which], n))
    theirs, ours = (part[WARM_UP:] for part in times)
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    return f"{name} {statistics.median(ours) * 1e3:.3f} ms ({ratio:.2f})"


def compare_all(base_url: str, size: int, pairs: int) -> None:
    url = f"{base_url}/{size}"
    rules = FetchRules(allow_networks=("127.0.0.1/32",))
    with (
        tempfile.TemporaryDirectory() as folder,
        httpx.Client() as client,
        Fetcher(rules) as fetcher,
        Fetcher(rules, kept_in=BoundedDirectory(Path(folder), ROOM)) as keeper,
    ):

        def plain(_: int) -> object:
            return client.get(url).content

        def guarded(_: int) -> object:
            return fetcher.get(url, field="base_image")

        def kept(number: int) -> object:
            return keeper.get(f"{url}?{number}", field="base_image", owner="key")

        def found(_: int) -> object:
            return kept(-1)

        def forbidden(_: int) -> object:
            return keeper.get(url, field="base_image", owner="key")

        print(
            f"{size:>8,} bytes",
            f"plain httpx {statistics.median(seconds(plain, n) for n in range(pairs)) * 1e3:.3f} ms",
            compare("guarded", guarded, plain, pairs),
            *(compare(get.__name__, get, guarded, pairs) for get in (found, kept, forbidden)),
            sep="   ",
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
            compare_all(base_url, size, pairs)
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
