"""`--json`: for programs, one JSON object to a line of stdout."""

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]


def print_json(value: Any) -> None:
    """One value on one line; times and paths as text."""
    typer.echo(json.dumps(value, default=str, ensure_ascii=False))
