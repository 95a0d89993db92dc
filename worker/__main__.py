"""One worker process: `python -m worker`. `superimpose worker` runs as many as there are cores."""

import logging

from jobs.connection import UnsuitableRedis, await_redis, connect_worker
from jobs.settings import BAD_SETTINGS, Settings
from telemetry.logs import set_up_logs
from worker.warm_worker import WarmWorker

log = logging.getLogger("superimpose.worker")


def main() -> None:
    """Work until SIGTERM or SIGINT, finishing the job at hand."""
    settings = Settings()
    set_up_logs(settings.log_format)
    logging.getLogger("rq").setLevel(logging.WARNING)
    redis = connect_worker(settings)
    try:
        await_redis(redis)
    except UnsuitableRedis as error:
        log.error("this worker cannot start: %s", error)
        raise SystemExit(BAD_SETTINGS) from None
    WarmWorker(redis, settings).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
