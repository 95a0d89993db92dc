"""The pictures of docs/command-line.md are what a terminal shows today."""

import runpy

from tests.docs.pages import ROOT


def test_the_pictures_are_what_a_terminal_shows_today():
    drawn = runpy.run_path(str(ROOT / "docs/pictures/terminal.py"))

    for name, shown in drawn["pictures"]().items():
        assert (ROOT / "docs/pictures" / name).read_text() == shown, "make docs-pictures"
