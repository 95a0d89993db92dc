"""`python -m benchmarks loadtest` on its own service writes a complete and plausible report."""

import json
import re
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
from PIL import Image

from loadtest.mix import THINK_S
from loadtest.report import BEGIN, END, Report, write, write_docs
from loadtest.samples import END_TO_END, MEASURES, Sample, Step, step
from loadtest.target import Unusable
from tests.build_products.loadtest.command import python

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    done = python("-m", "benchmarks", "loadtest", "--clients", "4,8", "--seconds", "20", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout, out


def test_each_step_is_a_line(done):
    printed, _ = done

    assert (
        len(re.findall(r"^ +[48] clients +\d+\.\d pictures/s .* errors: none$", printed, re.MULTILINE)) == 2
    )


def test_the_figures_are_plausible(done):
    results = json.loads((done[1] / "results.json").read_text())

    assert [each["clients"] for each in results["steps"]] == [4, 8]
    for each in results["steps"]:
        assert each["errors"] == {}
        assert 0 < each["pictures"] <= each["requests"]
        assert each["pictures_per_s"] <= each["pictures"]
        times = each["times_ms"]
        assert set(times) == set(MEASURES)
        for percentiles in times.values():
            known = [value for value in percentiles if value is not None]
            assert known == sorted(known)
        submit, compute, inside, whole = (
            times[name][0] for name in ("submit", "compute", "in the service", "end to end")
        )
        if None not in (submit, compute, inside, whole):  # on a busy machine there are too few samples
            assert compute <= inside <= whole
            assert submit <= whole


def test_the_report_says_what_was_measured_and_where(done):
    out = done[1]
    html, markdown = (out / "index.html").read_text(), (out / "report.md").read_text()

    for text in (html, markdown):
        assert all(name in text for name in MEASURES)
        assert all(word in text for word in ("commit", "Python 3", "locust 2", "cores", "No errors."))
        assert "A client thinks between a picture and its next submit, 0.4 s on average" in text
        assert re.search(r"Passed: no request failed; the capacity (is|was not)", text)
        assert re.search(r"(Redis|Valkey) \d", text)
    assert html.count('src="data:image/png;base64,') == 2
    for target in re.findall(r'href="([^"]+)"', html):
        assert (out / target).exists(), target


@pytest.mark.parametrize("name", ["overview", "parts"])
def test_a_plot_is_a_picture(done, name):
    with Image.open(done[1] / f"{name}.png") as plot:
        assert plot.format == "PNG"
        assert len(plot.convert("RGB").getcolors(1 << 20)) > 10


def sampled(count: int) -> Step:
    """A step of `count` pictures, each of which took a millisecond longer than the one before."""
    samples = [Sample(END_TO_END, 2, float(number), None) for number in range(count)]
    return step(4, 15, samples)


@pytest.mark.parametrize(
    ("count", "known"), [(0, 0), (9, 0), (10, 1), (20, 1), (99, 1), (100, 2), (499, 2), (500, 3)]
)
def test_a_percentile_needs_five_samples_above_it(count, known):
    times = sampled(count).times_ms[END_TO_END]

    assert [each is not None for each in times] == [number < known for number in range(3)]


def of(*steps: Step) -> Report:
    return Report({}, 15, steps)


def paced(clients: int, pictures_per_s: float, errors: int = 0) -> Step:
    counted = {"not_finished": errors} if errors else {}
    return replace(sampled(20), clients=clients, pictures_per_s=pictures_per_s, errors=counted)


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        (
            [(8, 13.7), (16, 23.8), (32, 24.0)],
            "the capacity is 24.0 pictures a second: 32 clients got no more than 16",
        ),
        ([(2, 3.4), (1, 1.8)], "the capacity was not reached: 2 clients got 3.4 pictures a second"),
        ([(4, 6.1)], "the capacity was not reached: 4 clients got 6.1 pictures a second"),
    ],
)
def test_the_verdict_names_the_capacity_if_more_clients_get_no_more(steps, verdict):
    assert of(*(paced(*each) for each in steps)).verdict == f"passed: no request failed; {verdict}"


def test_the_verdict_says_what_failed_and_why():
    done = of(paced(1, 2), paced(4, 2, errors=1))

    assert not done.passed
    assert done.verdict == "failed: 1 of 20 requests of 4 clients failed, most with not_finished"
    assert not done.steps[1].overrun


def test_an_empty_plot_is_not_drawn_and_its_earlier_version_removed(tmp_path):
    write(of(paced(1, 2, errors=3)), tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {"overview.png", "errors.png"}
    write(of(step(1, 15, [])), tmp_path)

    assert list(tmp_path.glob("*.png")) == []
    assert "<img" not in (tmp_path / "index.html").read_text()


def report(out: Path) -> Report:
    results = json.loads((out / "results.json").read_text())
    return Report(results["facts"], results["seconds"], [Step(**step) for step in results["steps"]])


def test_only_the_figures_of_the_page_in_the_docs_are_replaced(done, tmp_path):
    written = DOCS / "PERFORMANCE.md"
    copy = tmp_path / "PERFORMANCE.md"
    copy.write_text(written.read_text())

    write_docs(report(done[1]), tmp_path)

    before, _, after = copy.read_text().partition((done[1] / "report.md").read_text())
    assert before.endswith(f"{BEGIN}\n\n")
    assert after.startswith(f"\n{END}")
    assert written.read_text().startswith(before.removesuffix("\n"))
    assert written.read_text().endswith(after.lstrip())
    assert {path.name for path in tmp_path.glob("*.png")} == {"loadtest.png", "loadtest-parts.png"}


def test_the_page_in_the_docs_has_the_format_of_the_report(done):
    heading, *_ = report(done[1]).times().splitlines()
    assert heading in (DOCS / "PERFORMANCE.md").read_text()


def test_the_readme_has_the_measured_capacity_and_the_think_time():
    measured = re.search(r"\*\*Passed: .*?(\d+\.\d) pictures a second", (DOCS / "PERFORMANCE.md").read_text())
    readme = " ".join((DOCS.parent / "README.md").read_text().split())

    assert measured is not None
    assert f"{float(measured[1]):.0f} pictures a second" in readme
    assert f"thinks for {mean(THINK_S):.1f} s on average" in readme


def test_a_page_without_the_marks_is_refused(done, tmp_path):
    (tmp_path / "PERFORMANCE.md").write_text("# Performance\n")

    with pytest.raises(Unusable, match="no place for figures"):
        write_docs(report(done[1]), tmp_path)
