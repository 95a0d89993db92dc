"""What every picture of a run has in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.client.inputs import Input
from cli.client.server import Server


@dataclass(frozen=True)
class RunOptions:
    """Parameters as a request has them, their pictures but the base by path, the server and the key."""

    model: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Input]
    server: Server
    key: str
    as_json: bool
