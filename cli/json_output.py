"""`--json`: prints one JSON object per line."""

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str, ensure_ascii=False))


def say(as_json: bool, value: Any, text: str) -> None:
    print_json(value) if as_json else typer.echo(text)
