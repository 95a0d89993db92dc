"""One worker process: `python -m worker`. `superimpose worker` runs as many as there are cores."""

import logging

from jobs.connection import await_redis, connect_worker
from jobs.logs import set_up_logs
from jobs.settings import Settings
from worker.warm_worker import WarmWorker


def main() -> None:
    """Work until SIGTERM or SIGINT, finishing the job at hand."""
    set_up_logs()
    logging.getLogger("rq").setLevel(logging.WARNING)
    settings = Settings()
    redis = connect_worker(settings)
    await_redis(redis)
    WarmWorker(redis, settings).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
