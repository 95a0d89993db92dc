"""The figures in docs/PERFORMANCE.md: what stands between two marks is written by `--docs`."""

from pathlib import Path

from loadtest import plots
from loadtest.report import Report, markdown
from loadtest.target import Unusable

START, END = "<!-- written by make loadtest DOCS=1 -->\n", "<!-- end -->\n"


def write(report: Report, docs: Path) -> None:
    """Put new figures into the page of the directory `docs`, and its plots beside it. Raises `Unusable`."""
    page = docs / "PERFORMANCE.md"
    before, start, rest = page.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise Unusable(f"{page} has no place for figures: {START.strip()} and {END.strip()}, a line each")
    images = plots.all_of(report.steps)
    if not {"overview", "parts"} <= images.keys():
        raise Unusable("too few pictures were made for the plots of the page")
    page.write_text(f"{before}{START}\n{markdown(report)}\n{END}{after}")
    (docs / "loadtest.png").write_bytes(images["overview"])
    (docs / "loadtest-parts.png").write_bytes(images["parts"])
