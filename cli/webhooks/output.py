"""How an event that has come is shown: a line, and below it what is in it."""

from datetime import datetime
from typing import Any

import typer

from cli.requests.output import print_fields
from cli.webhooks.receiver import Received
from jobs.timefmt import rfc3339


def as_object(received: Received, times: int) -> dict[str, Any]:
    """As `--json` has it."""
    return {
        "received_at": rfc3339(received.at),
        "webhook_id": received.webhook_id,
        "times": times,
        "answer": received.answer,
        "refusal": received.refusal,
        "event": received.event,
    }


def print_received(received: Received, times: int) -> None:
    """`times`: how often this id has come, this time included."""
    event = received.event or {}
    said = f"REFUSED, {received.refusal}" if received.event is None else f"{event.get('type')}"
    again = f", come {times} times" if times > 1 else ""
    shown_id = ascii(received.webhook_id)[1:-1]  # of a stranger it may hold anything
    typer.echo(f"{datetime.fromtimestamp(received.at):%H:%M:%S}  {said}")
    print_fields(
        {"answered": received.answer, "webhook-id": f"{shown_id}{again}"}
        | {name: value for name, value in event.items() if name != "type"}
    )
