"""The receiver of events: refuses some at first, and records all."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.in_thread import Handler, Server

RETRY_AFTER_S = 2
SILENT_S = 20
"""Longer than a sender's timeout."""

LATEST_S = 60
"""Limit from an event's timestamp to its arrival, as a sender may be suspended in between."""

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
FIRST_ANSWERS = {
    "well": OK,
    "error": b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    "busy": b"HTTP/1.1 429 Later\r\nretry-after: %d\r\ncontent-length: 0\r\n\r\n" % RETRY_AFTER_S,
    "silent": b"",
    "torn": b"HTTP/1.1 200 OK\r\ncontent-le",
    "short": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
    "short-error": b"HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nonly this",
}
"""The response to the first call of a path, by the path's first word; later calls get `OK`."""

DELIVERED = frozenset({"well", "short"})
"""Responses that a sender can read as a success."""

COMES_AGAIN = frozenset({"well", "error", "busy"})
"""Responses after which the connection stays open."""


@dataclass(frozen=True)
class Received:
    """One call; `answered` is a word of `FIRST_ANSWERS`."""

    path: str
    message_id: str
    body: bytes
    fault: str | None
    """Why a receiver would not trust it."""
    answered: str = "well"

    @property
    def is_delivered(self) -> bool:
        """Whether the response was a success, even if the sender did not receive it."""
        return self.answered in DELIVERED


class Receiver(Server):
    """Listens at a path for each event, `/<first answer>/<key id>/<number>`; `secrets` are of key ids."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        super().__init__(_Handler)
        self.received: list[Received] = []
        self._webhooks = {key_id: Webhook(secret) for key_id, secret in secrets.items()}

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Record a call and choose its response."""
        is_first = path not in {known.path for known in self.received}
        _, first_answer, key_id, _ = path.split("/")
        fault = self._fault(self._webhooks[key_id], headers, body)
        answered = first_answer if is_first else "well"
        call = Received(path, headers.get("webhook-id", ""), body, fault, answered)
        self.received.append(call)
        return call

    def _fault(self, webhook: Webhook, headers: Mapping[str, str], body: bytes) -> str | None:
        try:
            webhook.verify(body, dict(headers))
        except (WebhookVerificationError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        late_s = time.time() - int(headers["webhook-timestamp"])
        return None if -1 <= late_s < LATEST_S else f"its timestamp is {late_s:.0f} s old"


class _Handler(Handler):
    timeout = SILENT_S
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): text for name, text in self.headers.items()}
        call = self.server.take(self.path, headers, body)
        self.wfile.write(FIRST_ANSWERS[call.answered])
        if call.answered == "silent":
            with contextlib.suppress(TimeoutError):
                self.rfile.read(1)  # until the sender has given up
        self.close_connection = call.answered not in COMES_AGAIN
