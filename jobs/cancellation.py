"""Stopping a request before its end."""

import logging

from redis import Redis
from rq.command import send_command

from jobs.job import Job, drop_job
from jobs.queue import open_queue
from jobs.settings import Settings
from jobs.status import FailureCode
from jobs.transitions import Transitions

CANCELLED = "cancelled by its owner"

log = logging.getLogger("superimpose.jobs")


class Cancellation:
    """Cancels requests; the record decides, the queue and the worker follow."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, settings)

    def cancel(self, request_id: str) -> None:
        """End as FAILED `cancelled`, take it out of the queue, stop whoever works on it.

        Raises `IllegalMove`: missing or terminal.
        """
        self._transitions.fail(request_id, FailureCode.CANCELLED, CANCELLED)
        log.info("request %s FAILED: cancelled", request_id)
        self._stop(request_id)

    def _stop(self, request_id: str) -> None:
        job = Job.find(request_id, self._redis)
        if job and job.worker_name:
            send_command(self._redis, job.worker_name, "stop-job", job_id=request_id)
        else:  # nobody is at it
            drop_job(open_queue(self._redis), request_id)
