"""What commands print: text, JSON, tables, and errors with their exit codes."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:  # most commands do not need it
    from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]

TABLE_WIDTH = 80
T = TypeVar("T")


class ExitCode(IntEnum):
    """Exit codes other than 0, as listed in docs/command-line.md."""

    FAULT = 1
    """Any other error: a file cannot be written, a key does not exist, a check of `doctor` fails."""
    USAGE = 2
    """The command line, a setting or a parameter is invalid."""
    FAILED = 3
    """A request, or at least one picture of a batch, FAILED."""
    NO_SERVER = 4
    """The API or Redis cannot be reached, or refuses the key."""
    INTERRUPTED = 130


def stop(text: str, code: ExitCode = ExitCode.FAULT) -> typer.Exit:
    """Print an error and return the exception to raise."""
    typer.echo(f"superimpose: {text}", err=True)
    return typer.Exit(code)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str, ensure_ascii=False))


def say(as_json: bool, value: Any, text: str) -> None:
    print_json(value) if as_json else typer.echo(text)


def table(
    *columns: str, folded: Collection[str] | None = None, gap: int = 2, header_style: str = "bold"
) -> "Table":
    """An empty table; a `>` before the name aligns the column to the right.

    Long cells wrap in the `folded` columns, by default the last; in others they end in an ellipsis.
    """
    from rich.table import Table

    empty = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style=header_style)
    for column in columns:
        folds = column in (columns[-1:] if folded is None else folded)
        empty.add_column(
            column.lstrip(">"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
        )
    return empty


def print_list(
    as_json: bool,
    values: Iterable[T],
    as_object: Callable[[T], Mapping[str, Any]],
    columns: Sequence[str],
    row: Callable[[T], Sequence[str]],
) -> None:
    """A line of JSON for each value, or a table, always 80 columns wide: ids fit whole and can be copied."""
    if as_json:
        for value in values:
            print_json(as_object(value))
        return
    from rich.console import Console

    rows = table(*columns)
    for value in values:
        rows.add_row(*row(value))
    Console(highlight=False, width=TABLE_WIDTH).print(rows)
