"""Cancelling requests."""

import logging

from redis import Redis, RedisError
from rq.command import send_command

from jobs.config.settings import Settings
from jobs.lifecycle.moves import CANCELLED
from jobs.lifecycle.status import Status
from jobs.lifecycle.transitions import Transitions

log = logging.getLogger("superimpose.jobs")


class Cancellation:
    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, settings)

    def cancel(self, request_id: str) -> Status:
        """End the request as FAILED `cancelled`, then notify its worker; returns the previous status.

        Raises `IllegalMove`: missing, terminal.
        """
        previous, worker = self._transitions.cancel(request_id, CANCELLED)
        log.info("request %s FAILED: cancelled while %s", request_id, previous)
        try:
            if worker:
                send_command(self._redis, worker, "stop-job", job_id=request_id)
        except RedisError as error:  # the worker learns it when it renews its lease
            log.warning("request %s: its worker could not be notified: %s", request_id, error)
        return previous
