"""Stopping a request before its end."""

import logging

from redis import Redis, RedisError
from rq.command import send_command

from jobs.config.settings import Settings
from jobs.lifecycle.moves import Cancelled, Failure
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions

CANCELLED = Failure(FailureCode.CANCELLED, "cancelled by its owner")

log = logging.getLogger("superimpose.jobs")


class Cancellation:
    """Cancels requests: in one step it has ended and left the queue, then whoever works on it hears of it."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, settings)

    def cancel(self, request_id: str) -> Status:
        """End as FAILED `cancelled`; returns what it was. Raises `IllegalMove`: missing or terminal."""
        cancelled = self._transitions.cancel(request_id, CANCELLED)
        log.info("request %s FAILED: cancelled while %s", request_id, cancelled.was)
        self._tell_worker(request_id, cancelled)
        return cancelled.was

    def _tell_worker(self, request_id: str, cancelled: Cancelled) -> None:
        """Have it stopped at once; a worker who does not hear this learns it when it renews its lease."""
        if not cancelled.worker:
            return
        try:
            send_command(self._redis, cancelled.worker, "stop-job", job_id=request_id)
        except RedisError as error:
            log.warning("request %s: its worker could not be told: %s", request_id, error)
