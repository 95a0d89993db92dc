"""The options of a run, its pictures, and their `--json` output."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cli.client.api import JsonObject
from cli.client.inputs import Input
from cli.client.server import Server


@dataclass(frozen=True)
class RunOptions:
    """`parameters` as in a request body, `inputs` by parameter path."""

    model: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Input]
    server: Server
    key: str
    as_json: bool

    def without_base(self) -> Self:
        """A copy for pictures that have a base of their own."""
        parameters = {name: value for name, value in self.parameters.items() if name != "base_image"}
        inputs = {path: picture for path, picture in self.inputs.items() if path != "base_image"}
        return replace(self, parameters=parameters, inputs=inputs)


@dataclass(frozen=True, eq=False)
class Item:
    """One of many pictures; `params` and `inputs` are added to those of the run.

    `name` identifies it in error messages, `json_fields` in `--json` output.
    """

    name: str
    json_fields: Mapping[str, Any]
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
