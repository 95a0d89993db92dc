"""All code blocks of all pages run unchanged with the outcome that the pages promise, or are valid."""

import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from redis import Redis

from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from tests.build_products.docs.elsewhere import is_elsewhere
from tests.docs.pages import OF_COMPOSE_ALONE, PAGES, ROOT, Block, blocks
from tests.missing import missing
from tests.node import node_with

TOOLS = {"sh": "curl", "python": "python3", "js": "node"}
"""Languages of blocks that are run, and the tools that they need."""

READ = {"json", "yaml", "dotenv", "promql", "text"}
CODED = [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize("page", CODED, ids=lambda page: page.stem)
def test_every_block_runs(run, page):
    """Runs blocks in order, so that one may use files of another; output is compared with the next block."""
    found = blocks(page)
    need(*{TOOLS[block.language] for block in found if block.language in TOOLS})
    if any('from "standardwebhooks"' in block.text for block in found):
        node_with("standardwebhooks")
    for block, following in itertools.zip_longest(found, found[1:]):
        if block.language not in TOOLS:
            continue
        printed = run(block.language, runnable(block))
        if following and following.language == "json":
            assert shape(json.loads(printed)) == shape(json.loads(following.text)), following


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page)], ids=str)
def test_every_block_is_valid_in_its_language(block):
    match block.language:
        case "json":
            json.loads(block.text)
        case "yaml":
            yaml.safe_load(block.text)
        case "dotenv":
            names = re.findall(r"^SUPERIMPOSE_(\w+)=", block.text, re.MULTILINE)
            assert {name.lower() for name in names} <= {*Settings.model_fields, *OF_COMPOSE_ALONE}
        case language:
            assert language in {*TOOLS, *READ}, f"{language} is neither run nor read: {block}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_indented_commands_exist(page):
    for line in re.findall(r"^    ((?:make|docker|kubectl|superimpose) .*)$", page.read_text(), re.MULTILINE):
        is_elsewhere(line)


@pytest.fixture
def shell(run, documented):
    """Runs the blocks of a page that contain this text, and returns their output."""

    def shell(page: str, text: str) -> str:
        found = [block for block in blocks(ROOT / page) if block.language == "sh" and text in block.text]
        assert found, text
        return "".join(run("sh", block.text) for block in found)

    return shell


@pytest.mark.parametrize(
    ("page", "text", "name"),
    [
        ("docs/running.md", "superimpose compose", "cup-with-logo.jpg"),
        ("README.md", "tshirt-with-print.jpg", "tshirt-with-print.jpg"),
    ],
)
def test_an_example_renders_the_picture_that_the_pages_show(shell, documented, page, text, name):
    shell(page, text)

    made = Path(documented.env["SUPERIMPOSE_DATA_DIR"]).parent / name
    with Image.open(made) as rendered, Image.open(ROOT / "docs" / name) as shown:
        assert rendered.tobytes() == shown.tobytes()


def test_a_key_is_created_credited_and_revoked(shell, documented):
    with Redis.from_url(documented.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        keys = ApiKeys(redis)
        for key in keys.list():
            if key.name == "my-shop":  # another page's
                keys.revoke(key.key_id)
    assert shell("docs/keys.md", "keys create my-shop").startswith("si_")

    managed = shell("docs/keys.md", "keys credit")

    assert "has 1500 credits" in managed
    assert "has 1400 credits" in managed
    assert "is no longer valid" in managed


def need(*tools: str) -> None:
    """Skip the test if a tool is missing; on CI fail."""
    for tool in tools:
        if not shutil.which(tool):
            missing(f"no {tool} on PATH")


def runnable(block: Block) -> str:
    """A block without the lines that are not run here."""
    if block.language != "sh":
        return block.text
    lines = block.text.replace("\\\n", "").splitlines(keepends=True)
    return "".join(line for line in lines if not is_elsewhere(line))


def shape(value: Any) -> Any:
    """Names and types without values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "number" if isinstance(value, int | float) else type(value).__name__
