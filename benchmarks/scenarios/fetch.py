"""The guarded fetch against plain `httpx.Client.get`, and with its HTTP cache against itself.

Medians for files of three sizes over loopback, and in brackets the median of the ratio to what each is
compared with, pair by pair: a pair shares whatever else the machine is doing, so the ratio is steady where
the times are not. Below 1 the guarded fetch, or its cache, is faster.

guarded: compared with plain httpx. The others with guarded: found, a file that is stored and fresh; stored, a
file that is fetched and stored; forbidden, a file that is fetched and may not be stored.
"""

import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from statistics import median

import httpx

from benchmarks.harness.command_line import parser
from benchmarks.harness.figures import interleaved, median_ratio, timed
from benchmarks.harness.origin import inputs
from worker.fetch import BoundedDirectory, Fetcher, FetchRules

SIZES = (20_000, 200_000, 600_000)
WARM_UP = 50
CACHE_BYTES = 256 * 1024 * 1024

Get = Callable[[], object]


def main(arguments: Sequence[str]) -> None:
    options = parser("fetch", __doc__, pairs=2000).parse_args(arguments)
    with inputs() as origin:
        for size in SIZES:
            print(compared_at(origin, size, options.pairs))


def compared_at(origin: str, size: int, pairs: int) -> str:
    uncached, fresh, numbers = f"{origin}/bytes/{size}", f"{origin}/fresh/{size}", count(1)
    rules = FetchRules(allow_networks=("127.0.0.1/32",))
    with (
        tempfile.TemporaryDirectory() as folder,
        httpx.Client() as client,
        Fetcher(rules) as fetcher,
        Fetcher(rules, kept_in=BoundedDirectory(Path(folder), CACHE_BYTES)) as caching,
    ):

        def plain() -> object:
            return client.get(uncached).content

        def guarded() -> object:
            return fetcher.get(uncached, field="base_image")

        def cached(url: str) -> object:
            return caching.get(url, field="base_image", owner="key")

        figures = [
            compared("guarded", guarded, plain, pairs),
            compared("found", lambda: cached(fresh), guarded, pairs),
            compared("stored", lambda: cached(f"{fresh}/{next(numbers)}"), guarded, pairs),
            compared("forbidden", lambda: cached(uncached), guarded, pairs),
        ]
        return "   ".join([f"{size:>8,} bytes", *figures])


def compared(name: str, get: Get, reference: Get, pairs: int) -> str:
    ms = interleaved({"reference": timed(reference), "get": timed(get)}, pairs, WARM_UP)
    theirs, ours = ms.values()
    against = f"plain httpx {median(theirs):.3f} ms   " if name == "guarded" else ""
    return f"{against}{name} {median(ours):.3f} ms ({median_ratio(ours, theirs):.2f})"
