"""Blocks have the outcome that the pages promise, such as a picture or credits."""

from pathlib import Path

import pytest
from PIL import Image
from redis import Redis

from jobs.keys.api_keys import ApiKeys
from tests.docs.pages import ROOT, blocks


@pytest.fixture
def shell(run, documented):
    """Runs the blocks of a page that contain this text, and returns their output."""

    def shell(page: str, text: str) -> str:
        found = [block for block in blocks(ROOT / page) if block.language == "sh" and text in block.text]
        assert found, text
        return "".join(run("sh", block.text) for block in found)

    return shell


def test_the_example_without_a_server_renders_the_first_picture(shell, documented):
    shell("docs/running.md", "superimpose compose")

    made = Path(documented.env["SUPERIMPOSE_DATA_DIR"]).parent / "cup-with-logo.jpg"
    with Image.open(made) as made_now, Image.open(ROOT / "docs/cup-with-logo.jpg") as shown:
        assert made_now.tobytes() == shown.tobytes()


def test_the_layers_of_the_readme_render_its_first_picture(shell, documented):
    shell("README.md", "tshirt-with-print.jpg")

    made = Path(documented.env["SUPERIMPOSE_DATA_DIR"]).parent / "tshirt-with-print.jpg"
    with Image.open(made) as made_now, Image.open(ROOT / "docs/tshirt-with-print.jpg") as shown:
        assert made_now.tobytes() == shown.tobytes()


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
