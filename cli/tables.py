"""Lists as tables, `keys list` and `requests list` alike."""

from rich.console import Console, JustifyMethod
from rich.table import Table

WIDTH = 80


def table(*columns: str, gap: int = 2, header_style: str = "bold") -> Table:
    """An empty table; columns that begin with `>` stand to the right, and the last one may be folded."""
    made = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style=header_style)
    for number, column in enumerate(columns, 1):
        justify: JustifyMethod = "right" if column.startswith(">") else "left"
        made.add_column(column.lstrip(">"), justify=justify, no_wrap=number < len(columns), overflow="fold")
    return made


def print_table(filled: Table) -> None:
    """In 80 columns, of which ids have what they need to be copied whole."""
    Console(highlight=False, width=WIDTH).print(filled)
