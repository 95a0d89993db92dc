"""The pictures of docs/command-line.md are up to date."""

import runpy

from tests.docs.pages import ROOT


def test_the_terminal_pictures_are_up_to_date():
    drawn = runpy.run_path(str(ROOT / "docs/pictures/terminal.py"))

    for name, shown in drawn["pictures"]().items():
        assert (ROOT / "docs/pictures" / name).read_text() == shown, "make docs-pictures"
