"""Responses of receivers, and the delivery log of an attempt."""

import socket

from tests.webhook_events import completed
from tests.worker.fetch.answers import requests


def answering(*parts, then=lambda _: None):
    """Sends these bytes in response to each request, then calls `then` with the connection."""

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            for part in parts:
                connection.sendall(part)
            then(connection)

    return answer


def outcome(transitions, key_id, await_log, url) -> tuple:
    """Status and error of the first attempt."""
    made = await_log(completed(transitions, key_id, url), attempts=1).attempts[0]
    return made.status, made.error
