"""Lists as tables, `keys list` and `requests list` alike."""

from rich.console import Console, JustifyMethod, OverflowMethod
from rich.table import Table

WIDTH = 80


def table(*columns: str, gap: int = 2, header_style: str = "bold", fold_last: bool = True) -> Table:
    """An empty table; columns that begin with `>` stand to the right.

    What has no room ends in an ellipsis, or in the last column is folded.
    """
    made = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style=header_style)
    for number, column in enumerate(columns, 1):
        justify: JustifyMethod = "right" if column.startswith(">") else "left"
        folds = fold_last and number == len(columns)
        overflow: OverflowMethod = "fold" if folds else "ellipsis"
        made.add_column(column.lstrip(">"), justify=justify, no_wrap=not folds, overflow=overflow)
    return made


def print_table(filled: Table) -> None:
    """In 80 columns, of which ids have what they need to be copied whole."""
    Console(highlight=False, width=WIDTH).print(filled)
