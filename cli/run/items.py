"""The pictures of a run that makes many."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client.inputs import Input


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
