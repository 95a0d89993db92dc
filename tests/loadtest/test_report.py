"""`python -m loadtest` on a service of its own: what it leaves is whole and plausible."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from loadtest import page
from loadtest.measured import MEASURES, Step
from loadtest.report import Report
from loadtest.target import Unusable
from tests.loadtest.command import python

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    done = python("-m", "loadtest", "--clients", "1,3", "--seconds", "5", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout, out


def test_each_step_is_a_line(done):
    printed, _ = done

    assert (
        len(re.findall(r"^ +[13] clients +\d+\.\d pictures/s .* errors: none$", printed, re.MULTILINE)) == 2
    )


def test_the_figures_are_plausible(done):
    results = json.loads((done[1] / "results.json").read_text())

    assert [step["clients"] for step in results["steps"]] == [1, 3]
    for step in results["steps"]:
        assert step["errors"] == {}
        assert 0 < step["pictures"] <= step["requests"]
        assert step["pictures_per_s"] <= step["pictures"]
        times = step["times_ms"]
        assert set(times) == set(MEASURES)
        for percentiles in times.values():
            assert 0 <= percentiles[0] <= percentiles[1] <= percentiles[2]
        assert times["compute"][0] <= times["in the service"][0] <= times["end to end"][0]
        assert times["submit"][0] <= times["end to end"][0]


def test_the_report_says_what_was_measured_where(done):
    out = done[1]
    html, markdown = (out / "index.html").read_text(), (out / "report.md").read_text()

    for text in (html, markdown):
        assert all(name in text for name in MEASURES)
        assert all(word in text for word in ("commit", "Python 3", "locust 2", "cores", "No errors."))
        assert re.search(r"(Redis|Valkey) \d", text)
    assert html.count('src="data:image/png;base64,') == 3
    for target in re.findall(r'href="([^"]+)"', html):
        assert (out / target).exists(), target


@pytest.mark.parametrize("name", ["overview", "parts", "errors"])
def test_a_plot_is_a_picture(done, name):
    with Image.open(done[1] / f"{name}.png") as plot:
        assert plot.format == "PNG"
        assert len(plot.convert("RGB").getcolors(1 << 20)) > 10


def report(out: Path) -> Report:
    results = json.loads((out / "results.json").read_text())
    return Report(results["facts"], results["seconds"], [Step(**step) for step in results["steps"]])


def test_the_page_in_the_docs_gets_the_figures_and_keeps_the_rest(done, tmp_path):
    written = DOCS / "PERFORMANCE.md"
    copy = tmp_path / "PERFORMANCE.md"
    copy.write_text(written.read_text())

    page.write(report(done[1]), tmp_path)

    before, _, after = copy.read_text().partition((done[1] / "report.md").read_text())
    assert before.endswith(f"{page.START}\n")
    assert after.startswith(f"\n{page.END}")
    assert written.read_text().startswith(before.removesuffix("\n"))
    assert written.read_text().endswith(after.lstrip())
    assert {path.name for path in tmp_path.glob("*.png")} == {"loadtest.png", "loadtest-parts.png"}


def test_the_page_in_the_docs_is_as_the_command_writes_it(done):
    for heading in report(done[1]).times()[:1]:
        assert f"| {' | '.join(heading)} |" in (DOCS / "PERFORMANCE.md").read_text()


def test_a_page_without_the_marks_is_refused(done, tmp_path):
    (tmp_path / "PERFORMANCE.md").write_text("# Performance\n")

    with pytest.raises(Unusable, match="no place for figures"):
        page.write(report(done[1]), tmp_path)
