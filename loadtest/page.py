"""The figures in docs/PERFORMANCE.md: what stands between two marks is written by `--docs`."""

from pathlib import Path

from loadtest import plots
from loadtest.report import Report, markdown

DOCS = Path(__file__).parents[1] / "docs"
START, END = "<!-- written by make loadtest DOCS=1 -->\n", "<!-- end -->\n"


def write(report: Report) -> None:
    """Put new figures into the page, and its plots beside it."""
    (DOCS / "loadtest.png").write_bytes(plots.overview(report.steps))
    (DOCS / "loadtest-parts.png").write_bytes(plots.parts(report.steps))
    page = DOCS / "PERFORMANCE.md"
    before, _, rest = page.read_text().partition(START)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{START}\n{markdown(report)}\n{END}{after}")
