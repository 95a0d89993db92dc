"""Tables of the `list` commands and of `queue`."""

from rich.console import Console, JustifyMethod, OverflowMethod
from rich.table import Table

WIDTH = 80


def table(*columns: str, gap: int = 2, header_style: str = "bold", fold_last: bool = True) -> Table:
    """An empty table; a `>` before the name aligns the column to the right.

    Long cells end in an ellipsis; in the last column they wrap if `fold_last`.
    """
    empty = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style=header_style)
    for number, column in enumerate(columns, 1):
        justify: JustifyMethod = "right" if column.startswith(">") else "left"
        folds = fold_last and number == len(columns)
        overflow: OverflowMethod = "fold" if folds else "ellipsis"
        empty.add_column(column.lstrip(">"), justify=justify, no_wrap=not folds, overflow=overflow)
    return empty


def print_table(filled: Table) -> None:
    """Always 80 columns wide, in which ids fit whole and can be copied."""
    Console(highlight=False, width=WIDTH).print(filled)
