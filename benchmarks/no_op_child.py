"""A child that answers at once that the picture is there: what is left is what the worker itself costs.

With BENCH_JOBS it enqueues another request for each order, so that as many wait as before, and after that
many orders ends its parent.
"""

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from redis import Redis

from jobs.lifecycle.output import Output
from worker.child.messages import Ending, Order, Outcome


def refilling(parent: int) -> Callable[[], None]:
    from benchmarks.no_op import enqueueing, settings

    redis_url, left = os.environ["BENCH_REDIS"], int(os.environ["BENCH_JOBS"])
    enqueue = enqueueing(Redis.from_url(redis_url), settings(redis_url), os.environ["BENCH_KEY_ID"])

    def refill() -> None:
        nonlocal left
        enqueue()
        left -= 1
        if left == 0:
            os.kill(parent, signal.SIGTERM)

    return refill


def main(descriptor: int, parent: int) -> None:
    connection = Connection(descriptor)
    connection.recv_bytes()
    refill = refilling(parent) if "BENCH_JOBS" in os.environ else lambda: None
    connection.send_bytes(b"")
    try:
        while True:
            order = Order.from_bytes(connection.recv_bytes())
            refill()
            output = Output(order.token, order.path, "image/jpeg", 1, 1, 1)
            connection.send_bytes(Outcome(Ending.DONE, output=output, stages={"compose": 0.0}).to_bytes())
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
