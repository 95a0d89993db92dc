"""Adds the process name to JSON log lines."""

import json
from datetime import UTC, datetime

OURS = '{"timestamp": '
"""Prefix of the lines that `telemetry.logs` writes."""


def json_line(process: str, line: str) -> str:
    """A log line of `process` as JSON with its name; text that is not JSON becomes the event."""
    if line.startswith(OURS) and line.endswith("}"):
        return f'{line[:-1]}, "process": {json.dumps(process)}}}'
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"timestamp": now, "event": line, "process": process})
