"""requirements.lock has every package at one version, and no sources."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = (ROOT / "requirements.lock").read_text().splitlines()
PINNED = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
NEVER_FROZEN = {"pip"}  # `pip freeze` omits itself

WANTED = [
    Requirement(text)
    for text in (
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *(text for extra in PROJECT["project"]["optional-dependencies"].values() for text in extra),
    )
]


@pytest.mark.parametrize("wanted", [each for each in WANTED if each.name not in NEVER_FROZEN], ids=str)
def test_every_dependency_is_pinned_at_or_above_its_floor(wanted):
    assert wanted.specifier.contains(PINNED[canonicalize_name(wanted.name)])


def test_every_dependency_has_a_floor():
    assert [str(each) for each in WANTED if not each.specifier] == []


def test_the_lock_has_only_names_and_versions():
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert len(PINNED) == len(LINES)
