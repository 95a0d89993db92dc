"""`--json`: for programs, one JSON object to a line of stdout."""

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]


def print_json(value: Any) -> None:
    """One value on one line; times and paths as text."""
    typer.echo(json.dumps(value, default=str, ensure_ascii=False))


def say(as_json: bool, value: Any, text: str) -> None:
    """One value for programs, or a text for people."""
    print_json(value) if as_json else typer.echo(text)
