"""Lines of several processes in one log as JSON: each says whose it is."""

import json
from datetime import UTC, datetime

OURS = '{"timestamp": '
"""How a line begins that a process of ours has logged, see `telemetry.logs`."""


def json_line(process: str, line: str) -> str:
    """A line that `process` has written, as JSON with its name; what is no JSON becomes the event."""
    if line.startswith(OURS) and line.endswith("}"):
        return f'{line[:-1]}, "process": {json.dumps(process)}}}'
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"timestamp": now, "event": line, "process": process})
