"""What every picture of a run has in common."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from cli.client.inputs import Input
from cli.client.server import Server


@dataclass(frozen=True)
class RunOptions:
    """Parameters as a request has them, their pictures by path, the server and the key."""

    model: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Input]
    server: Server
    key: str
    as_json: bool

    def without_base(self) -> Self:
        """The same, where each picture has a base of its own."""
        parameters = {name: value for name, value in self.parameters.items() if name != "base_image"}
        inputs = {path: picture for path, picture in self.inputs.items() if path != "base_image"}
        return replace(self, parameters=parameters, inputs=inputs)
