"""A parser of Server-Sent Events (HTML, section 9.2.6, as far as the service uses them)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Event(NamedTuple):
    """One event, with its `data` parsed as JSON."""

    name: str
    id: str
    data: Any


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events in the lines of a stream, without comments and `retry`."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif not line:
            if "data" in fields:
                yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}
