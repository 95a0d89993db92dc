"""Commands of the pages that tests do not run, and what is checked instead.

They need Docker or a cluster, change this machine, or do not end. All other commands are run.
"""

import itertools
import re
import shlex
from collections.abc import Callable, Sequence

import yaml

from jobs.config.settings import Settings
from tests.docs.pages import OF_COMPOSE_ALONE, ROOT

Words = Sequence[str]


def _make(words: Words) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for verb in words[1:]:
        if "=" not in verb:
            assert re.search(rf"^{re.escape(verb)}:", makefile, re.MULTILINE), f"no verb {verb}"


def _docker(words: Words) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    profiles = {profile for each in compose["services"].values() for profile in each.get("profiles", ())}
    assert words[1] in {"compose", "build", "tag"}, f"docker {words[1]}"
    if words[1:3] == ["compose", "exec"] and {"<", ">"} & {*words}:
        assert "-T" in words, "a file is no terminal"
    for before, word in itertools.pairwise(words):
        if before == "--profile":
            assert word in profiles, word
        if before in ("exec", "logs", "run") and words[1] == "compose" and not word.startswith("-"):
            assert word in compose["services"], word


def _kubectl(words: Words) -> None:
    for option, folder in itertools.pairwise(words):
        if option == "-k":
            original = folder.replace("/ours", "/example")  # "ours" is the reader's copy
            assert (ROOT / original / "kustomization.yaml").exists(), folder


def _copy(words: Words) -> None:
    assert (ROOT / words[-2]).exists(), words[-2]


CHECKS: dict[str, Callable[[Words], None] | None] = {
    "make": _make,
    "docker": _docker,
    "kubectl": _kubectl,
    "cp": _copy,
    "pip": None,
    "git": None,
}
"""Checks by the first word of a command."""

ENDLESS = {f"superimpose {name}" for name in ("up", "api", "worker", "webhooks")}
"""Commands that run until they are stopped; they have tests of their own."""


def words_of(line: str) -> list[str]:
    """The words of a shell line, without leading assignments and comments."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name = words.pop(0).partition("=")[0]
        assert not name.startswith("SUPERIMPOSE_") or _is_setting(name), f"no setting {name}"
    return words


def is_elsewhere(line: str) -> bool:
    """Whether this line is not run here; checks it as far as possible."""
    try:
        words = words_of(line)
    except ValueError:  # a quotation that continues in the next line
        return False
    if not words:
        return False
    if check := CHECKS.get(words[0]):
        check(words)
    return words[0] in CHECKS or " ".join(words[:2]) in ENDLESS


def _is_setting(name: str) -> bool:
    return name.removeprefix("SUPERIMPOSE_").lower() in {*Settings.model_fields, *OF_COMPOSE_ALONE}
