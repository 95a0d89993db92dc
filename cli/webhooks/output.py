"""Formats received events."""

from datetime import datetime
from typing import Any

import typer

from cli.requests.output import print_fields
from cli.webhooks.receiver import Received
from jobs.timefmt import rfc3339


def as_object(received: Received, times: int) -> dict[str, Any]:
    """The `--json` output."""
    return {
        "received_at": rfc3339(received.at),
        "webhook_id": received.webhook_id,
        "times": times,
        "answer": received.answer,
        "refusal": received.refusal,
        "event": received.event,
    }


def print_received(received: Received, times: int) -> None:
    """`times` is how often this id has been received so far."""
    event = received.event or {}
    title = f"REFUSED, {received.refusal}" if received.event is None else f"{event.get('type')}"
    repeated = f", received {times} times" if times > 1 else ""
    shown_id = ascii(received.webhook_id)[1:-1]  # may hold control characters if the sender is not trusted
    typer.echo(f"{datetime.fromtimestamp(received.at):%H:%M:%S}  {title}")
    print_fields(
        {"answered": received.answer, "webhook-id": f"{shown_id}{repeated}"}
        | {name: value for name, value in event.items() if name != "type"}
    )
