"""What the pages name exists: files, headings, settings, `make` targets."""

import re

import pytest

from jobs.config.environment import OTHERS, PREFIX
from jobs.config.settings import Settings
from tests.docs.pages import FENCED, PAGES, ROOT


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {slug(heading.strip()) for heading in re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\(((?!https?://)[^)\s]+)\)", FENCED.sub("", text)):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked.read_text()), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_that_a_page_names_exists(page):
    named = set(re.findall(r"SUPERIMPOSE_(\w+)(?!\*)\b", page.read_text()))

    known = {name.upper() for name in Settings.model_fields} | {name.removeprefix(PREFIX) for name in OTHERS}
    assert {name for name in named if not name.endswith("_")} <= known


def test_every_make_target_that_a_page_names_exists():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"`make ([a-z0-9-]+)", page.read_text()):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page.name, target)


def test_the_readme_links_to_every_page():
    index = (ROOT / "README.md").read_text()

    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in index, page.name


def test_every_path_that_contributing_names_exists():
    named = re.findall(r"`([\w-]+/[\w./-]*)`", (ROOT / "CONTRIBUTING.md").read_text())

    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists(), path
