"""A child that, for each order, puts a new request into the queue and says that the picture is there.

So as many wait as before. After BENCH_JOBS orders it tells its parent to stop.
"""

import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import gettempdir

from redis import Redis

from benchmarks.end_to_end.backlog import Backlog
from benchmarks.no_op_child import answer
from jobs.config.settings import Settings
from worker.child.messages import Order


def main(descriptor: int, parent: int) -> None:
    """Answer each order until the parent is gone."""
    connection = Connection(descriptor)
    connection.recv_bytes()
    settings = Settings(redis_url=os.environ["BENCH_REDIS"], data_dir=Path(gettempdir()), **Backlog.ROOM)
    backlog = Backlog(Redis.from_url(settings.redis_url), settings, os.environ["BENCH_KEY_ID"])
    connection.send_bytes(b"")
    left = int(os.environ["BENCH_JOBS"])
    try:
        while True:
            order = Order.from_bytes(connection.recv_bytes())
            backlog.add()
            left -= 1
            if left == 0:
                os.kill(parent, signal.SIGTERM)
            connection.send_bytes(answer(order))
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
