"""What every picture of a run has in common."""

from dataclasses import dataclass
from typing import Any

from cli.client.inputs import Input
from cli.client.server import Server


@dataclass(frozen=True)
class RunOptions:
    """Inputs, parameters as a request has them, the server and the key."""

    overlay: Input
    mask: Input | None
    parameters: dict[str, Any]
    server: Server
    key: str
    as_json: bool
