"""The parameters of a batch as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.batches.scripts import OPEN_FOR_S
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.idempotency import Idempotency
from jobs.pictures.references import Sender
from jobs.webhooks.rules import webhook_fields


@dataclass(frozen=True)
class BatchCommand:
    """Fields as in `jobs.submission.SubmitCommand`.

    `webhook_url` receives the event of the batch; its requests may have webhooks of their own.
    """

    key_id: str
    origin: str
    deadlines: Deadlines
    idempotency_key: str | None = None
    timeouts: Mapping[str, int] = field(default_factory=dict)
    traceparent: str | None = None
    webhook_url: str | None = None

    @property
    def sender(self) -> Sender:
        return Sender(self.key_id, self.origin, self.deadlines.longest_s + OPEN_FOR_S)

    @property
    def webhook(self) -> dict[str, Any] | None:
        return webhook_fields(self.webhook_url, None, self.key_id, self.origin)

    def idempotency(self, body_fingerprint: str) -> Idempotency | None:
        if self.idempotency_key is None:
            return None
        return Idempotency.of(self.idempotency_key, self.key_id, {"batch": body_fingerprint}, self.timeouts)
