"""Stopping a request before its end."""

import contextlib
import logging

from redis import Redis
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

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
        with contextlib.suppress(NoSuchJobError):
            self._stop(Job.fetch(request_id, connection=self._redis, serializer=JSONSerializer))

    def _stop(self, job: Job) -> None:
        try:
            send_stop_job_command(self._redis, job.id, serializer=JSONSerializer)
        except InvalidJobOperation:  # nobody is at it
            job.delete()
