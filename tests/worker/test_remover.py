"""The hook that removes backgrounds, with a test remover that keeps the left half."""

import base64
import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from jobs.config.settings import BAD_SETTINGS
from jobs.lifecycle.status import FailureCode, Status
from jobs.pictures.store import PictureStore
from tests.compositor.pictures import plain, png
from tests.worker.conftest import work
from worker.child.child import Child

ROOT = Path(__file__).parents[2]
REMOVER = "tests.worker.plugins:LeftHalf"
MISSING = "bg_remove_model: no remover is configured; the overlay was used as it is"
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def ask(submit):
    """Submits a red overlay that covers a blue base, with its background to be removed."""
    files = {"base_image": plain((20, 20), BLUE), "overlay_image": plain((20, 20), RED)}
    inline = {name: base64.b64encode(data).decode() for name, data in files.items()}

    def ask(bg_remove_model: str) -> str:
        return submit(**inline, model="superimpose-v2", image_format="png", bg_remove_model=bg_remove_model)

    return ask


@pytest.fixture
def removing(settings):
    return settings.model_copy(update={"remover": REMOVER, "max_attempts": 2})


def colours(settings, done) -> list[tuple[int, ...]]:
    """The colours of a pixel in the left half and one in the right."""
    picture = Image.open(io.BytesIO(PictureStore.open(settings).get(done.output.path))).convert("RGB")
    return [picture.getpixel((x, 10)) for x in (3, 17)]


def test_the_overlay_is_put_on_without_its_background(removing, ask, record):
    requests = [ask("Bria"), ask("mask"), ask("None")]

    work(removing)

    cut, masked, whole = map(record, requests)
    assert [colours(removing, each) for each in (cut, masked, whole)] == [
        [RED, BLUE],
        [RED, BLUE],
        [RED, RED],
    ]
    assert cut.output.warnings == []


def test_without_a_remover_the_background_remains_and_the_record_has_a_warning(settings, ask, record):
    requests = [ask("Bria"), ask("None")]

    work(settings)

    asked, not_asked = map(record, requests)
    assert colours(settings, asked) == [RED, RED]
    assert (asked.output.warnings, not_asked.output.warnings) == ([MISSING], [])


@pytest.mark.parametrize("model", ["breaks", "shrinks"])
def test_an_error_of_the_remover_is_retried_and_then_internal(removing, ask, record, model, capfd):
    broken, fine = ask(model), ask("Bria")

    work(removing)

    failed = record(broken)
    assert (failed.status, failed.code, failed.attempts) == (Status.FAILED, FailureCode.INTERNAL, 2)
    assert "remover" not in failed.error
    assert record(fine).status is Status.COMPLETED
    assert "remover" in capfd.readouterr().err


def test_an_unusable_remover_ends_the_worker_with_one_sentence(settings, ask, caplog):
    ask("Bria")
    unusable = "tests.worker.plugins:makes_nothing"

    with pytest.raises(SystemExit) as ended:
        work(settings.model_copy(update={"remover": unusable}))

    [text] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert ended.value.code == BAD_SETTINGS
    assert f"SUPERIMPOSE_REMOVER = {unusable} cannot be used: it returned None instead of a remover" in text


def test_the_documented_remover_runs(settings, submit, record, tmp_path, monkeypatch):
    text = (ROOT / "docs/content-checks.md").read_text()
    _, example = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "no_white.py").write_text(example)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    removing = settings.model_copy(update={"remover": "no_white:NoWhite"})
    overlay = Image.new("RGB", (20, 20), "white")
    overlay.paste(RED, (0, 0, 10, 20))
    files = {"base_image": plain((20, 20), BLUE), "overlay_image": png(overlay)}
    inline = {name: base64.b64encode(data).decode() for name, data in files.items()}
    request_id = submit(**inline, model="superimpose-v2", image_format="png", bg_remove_model="any")

    work(removing, Child)

    assert colours(removing, record(request_id)) == [RED, BLUE]
