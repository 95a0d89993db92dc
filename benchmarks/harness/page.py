"""Markdown: tables, and the part of a page that a command owns."""

from collections.abc import Sequence

from benchmarks.harness.machine import ROOT

DOCS = ROOT / "docs"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], first: str = "---") -> str:
    """All columns but the first are figures."""
    lines = [heads, [first, *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(page: str, begin: str, end: str, ours: str) -> str:
    """The page with what stands between two marks replaced. Raises ValueError where they are missing."""
    before, found, rest = page.partition(f"{begin}\n")
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no place for figures: {begin} and {end}, a line each")
    return f"{before}{begin}\n{ours}\n{end}{after}"
