"""One worker process: `python -m worker`. `superimpose worker` runs one per core."""

import logging
import sys

from worker.privileges import hide

log = logging.getLogger("superimpose.worker")


def main() -> None:
    hide()  # before the imports: they take a while, and the environment holds secrets
    from pydantic import ValidationError

    from jobs.config.setting_faults import setting_faults
    from jobs.config.settings import BAD_SETTINGS, Settings
    from jobs.redis.connection import await_redis, connect_worker
    from jobs.redis.primary import UnsuitableRedis
    from telemetry.logs import set_up_logs
    from worker.warm_worker import WarmWorker

    try:
        settings = Settings()
    except ValidationError as error:
        print(*setting_faults(error), sep="\n", file=sys.stderr)
        raise SystemExit(BAD_SETTINGS) from None
    set_up_logs(settings.log_format)
    logging.getLogger("rq").setLevel(logging.WARNING)
    redis = connect_worker(settings)
    try:
        await_redis(redis)
    except UnsuitableRedis as error:
        log.error("this worker cannot start: %s", error)
        raise SystemExit(BAD_SETTINGS) from None
    WarmWorker(redis, settings).work()


if __name__ == "__main__":
    main()
