"""Calls at a steady pace, whatever the answers take: how long a caller waits."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.harness.http import Connection

THREADS = 16

Call = tuple[str, str, bytes]
"""Method, path, body."""


def waits_ms(connect: Callable[[], Connection], calls: Sequence[Call], per_s: float) -> list[float]:
    """From the moment each call was due to its answer."""
    mine = threading.local()

    def make(call: Call, due: float) -> float:
        if not hasattr(mine, "connection"):
            mine.connection = connect()
        mine.connection.call(*call)
        return 1000 * (time.perf_counter() - due)

    with ThreadPoolExecutor(THREADS) as threads:
        start, answers = time.perf_counter(), []
        for number, call in enumerate(calls):
            due = start + number / per_s
            time.sleep(max(0.0, due - time.perf_counter()))
            answers.append(threads.submit(make, call, due))
        return [answer.result() for answer in answers]
