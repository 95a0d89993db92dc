"""One worker process: `python -m worker`. `superimpose worker` runs as many as there are cores."""

import logging
import sys

from jobs.connection import await_redis, connect_worker
from jobs.logs import set_up_logs
from jobs.settings import BAD_SETTINGS, Settings
from worker.child import ChildDied, ChildRefused
from worker.warm_worker import WarmWorker

log = logging.getLogger("superimpose.worker")


def main() -> None:
    """Work until SIGTERM or SIGINT, finishing the job at hand; with settings that cannot work, not at all."""
    set_up_logs()
    logging.getLogger("rq").setLevel(logging.WARNING)
    settings = Settings()
    redis = connect_worker(settings)
    await_redis(redis)
    try:
        WarmWorker(redis, settings).work(logging_level="WARNING")
    except ChildDied as death:
        log.error("cannot start: %s", death)
        sys.exit(BAD_SETTINGS if isinstance(death, ChildRefused) else 1)


if __name__ == "__main__":
    main()
