"""What runs beside every API and worker process, so that it is done as long as one of them lives."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.config.settings import Settings
from jobs.maintenance.housekeeping import Housekeeping
from jobs.maintenance.reconciler import Reconciler
from jobs.pictures.store import PictureStore
from jobs.redis.connection import connect

LAST_S = 5  # for what a task does at the end


@contextmanager
def background(settings: Settings) -> Iterator[None]:
    """Reconcile and keep house, each in a thread, until the end."""
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
        for thread in threads:
            thread.join(LAST_S)  # one that waits for the store is left alone: it does nothing by halves
        redis.close()
