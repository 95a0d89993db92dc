"""Background threads of every API and worker process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.config.settings import Settings
from jobs.maintenance.housekeeping import Housekeeping
from jobs.maintenance.reconciler import Reconciler
from jobs.pictures.store import PictureStore
from jobs.redis.connection import connect

JOIN_S = 5


@contextmanager
def background(settings: Settings) -> Iterator[None]:
    stopped = threading.Event()
    redis = connect(settings)
    tasks = (Reconciler(redis, settings), Housekeeping(redis, PictureStore.open(settings)))
    threads = [
        threading.Thread(target=each.run_until, args=[stopped], name=type(each).__name__, daemon=True)
        for each in tasks
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:  # one that still waits for the store is left: it leaves nothing half done
            thread.join(JOIN_S)
        redis.close()
