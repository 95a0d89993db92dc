"""The pictures of a run: what all have in common, each of many, and how `--json` tells of one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cli.client.api import JsonObject
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


@dataclass(frozen=True, eq=False)
class Item:
    """One of many pictures: `params` and `inputs` are what it has beside what all have in common.

    `name` says which one it is where it fails, `told` where it is told as JSON.
    """

    name: str
    told: Mapping[str, Any]
    out: Path
    params: Mapping[str, Any]
    inputs: Mapping[str, Input]


def as_json(result: JsonObject, out: Path) -> JsonObject:
    image = result["images"][0]
    return {
        "status": result["status"],
        "request_id": result["request_id"],
        "output": str(out),
        "content_type": image["content_type"],
        "width": image["width"],
        "height": image["height"],
        "file_size": image["file_size"],
        "metrics": result["metrics"],
    }
