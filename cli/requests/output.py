"""Formats requests as tables and JSON, without picture tokens and query strings, which may be secrets."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from cli.timefmt import length, minute
from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import Status
from jobs.pictures import inputs
from jobs.redis.hashes import as_text
from jobs.timefmt import rfc3339

STYLES = {
    Status.QUEUED: "yellow",
    Status.PROCESSING: "cyan",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
}
TIMES = ("created_at", "started_at", "claimed_at", "finished_at", "expires_at")
TEXTS = ("custom_id", "status", "key_id", "code", "error", "charge", "worker")
NUMBERS = ("attempts", "given_back", "cost")
OUTPUT = ("content_type", "width", "height", "file_size", "animated", "warnings")


def as_object(record: Record) -> dict[str, Any]:
    """The output of `list --json`."""
    return {
        "request_id": record.request_id,
        **echo(record.custom_id),
        "status": record.status,
        "code": record.code,
        "key_id": record.key_id,
        "created_at": rfc3339(record.created_at),
        "attempts": record.attempts,
        "metrics": record.metrics,
        "error": record.error,
    }


def row(record: Record) -> list[str]:
    return [
        record.request_id,
        minute(record.created_at),
        f"[{STYLES[record.status]}]{record.status} {record.code or ''}[/]",
        length(record.metrics["total_time"]) if record.metrics else "",
    ]


def details(request_id: str, stored: Mapping[Any, Any]) -> dict[str, Any]:
    """Every field of a record as stored in Redis, in readable form."""
    text = as_text(stored)
    fields: dict[str, Any] = {"request_id": request_id}
    fields |= {name: text[name] for name in TEXTS if name in text}
    fields |= {name: int(text[name]) for name in NUMBERS if name in text}
    fields |= {name: rfc3339(int(text[name]) / 1000) for name in TIMES if name in text}
    fields["timeout_s"] = int(text["timeout"]) / 1000 if "timeout" in text else None
    fields["idempotent"] = "idempotency" in text
    params = json.loads(text.get("params", "{}"))
    pictures = {path: _input(reference) for path, reference in inputs.pictures(params).items()}
    fields["parameters"] = inputs.with_pictures(params, pictures)
    record = Record.from_text(request_id, text)
    if record.output:
        fields["output"] = describe_output(record.output)
    if record.metrics:
        fields["metrics"] = record.metrics
    return fields


def describe_output(output: Output) -> dict[str, Any]:
    return {name: getattr(output, name) for name in OUTPUT}


def attempts_as_parts(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields, with one line for each delivery attempt of the webhook."""
    webhook = fields.get("webhook")
    if webhook is None:
        return fields
    attempts = {
        attempt["at"]: f"{attempt['error'] or attempt['status']}, {attempt['duration_ms']} ms"
        for attempt in webhook["attempts"]
    }
    return {**fields, "webhook": {name: webhook[name] for name in webhook if name != "attempts"} | attempts}


def print_fields(fields: Mapping[str, Any]) -> None:
    """One field per line, with the parts of a dict indented below it."""
    width = max(map(len, fields))
    console = Console(highlight=False, soft_wrap=True)
    for name, value in fields.items():
        parts = [f"{part} {each}" for part, each in value.items()] if isinstance(value, dict) else [value]
        for number, part in enumerate(parts or ["not stored"]):
            console.print(f"{name if number == 0 else '':<{width}}  {part}", markup=False)


def _input(reference: str) -> str:
    if reference.startswith(inputs.STORE):
        return f"in the store, among {reference.removeprefix(inputs.STORE).partition('/')[0]}"
    if reference.startswith(inputs.SAMPLE):
        return reference
    url = urlsplit(reference)
    return f"{url.scheme}://{url.netloc}{url.path}{'?...' if url.query else ''}"
