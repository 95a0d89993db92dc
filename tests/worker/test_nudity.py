"""The detector of NudeNet as a content check, tried with labels that a harmless portrait triggers."""

import base64
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from jobs.config.setting_types import MEBIBYTE
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from tests.asking import accept, asked
from tests.compositor.pictures import plain
from tests.missing import missing
from tests.worker.conftest import work
from worker.child.child import Child
from worker.plugin import UnusablePlugin, load_plugin

PORTRAIT = Path(__file__).parents[1] / "compositor/golden/in/astronaut.png"  # of NASA, public domain
CHECK = "worker.nudity:NudityCheck"
FACE = {"content_check": CHECK, "nudity_labels": ("FACE_FEMALE", "FACE_MALE")}


@pytest.fixture(autouse=True)
def _nudenet():
    """Skips if the extra is not installed; fails on CI."""
    if find_spec("nudenet") is None or find_spec("onnxruntime") is None:
        message = "needs the extra nudenet: pip install '.[nudenet]' in the clone"
        missing(message)


@pytest.fixture
def check(settings):
    """A check with these settings."""

    def check(**update):
        made = load_plugin(
            settings.model_copy(update={"content_check": CHECK} | update), "content_check", "check"
        )
        assert made is not None
        return made

    return check


@pytest.fixture
def portrait():
    with Image.open(PORTRAIT) as picture:
        return picture.convert("RGB")


def test_a_detected_label_blocks_and_is_the_reason(check, portrait):
    reason = check(**FACE)("base_image", portrait)

    label, score = (reason or "").split()
    assert label == "FACE_FEMALE"
    assert 0.5 <= float(score) <= 1


def test_a_label_that_is_not_configured_does_not_block(check, portrait):
    assert check()("base_image", portrait) is None


def test_a_score_under_the_threshold_does_not_block(check, portrait):
    assert check(**FACE, nudity_threshold=0.99)("base_image", portrait) is None


def test_onnxruntime_sends_no_telemetry(tmp_path):
    """With telemetry, ONNX Runtime stores an identifier and a queue of events in the home directory."""
    code = (
        "from jobs.config.settings import Settings as S; from worker.nudity import NudityCheck as C; C(S())"
    )
    suppressing = {"CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}  # they turn it off too
    env = {name: value for name, value in os.environ.items() if name not in suppressing}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env | {"HOME": str(tmp_path)}, capture_output=True, check=True
    )

    assert list(tmp_path.iterdir()) == []
    assert done.stderr == b""


@pytest.mark.parametrize("factor", [0.5, 20])
def test_the_result_does_not_depend_on_the_size_of_the_picture(check, portrait, factor):
    size = (round(portrait.width * factor), round(portrait.height * factor))

    assert check(**FACE)("base_image", portrait.resize(size)) is not None


@pytest.mark.parametrize("size", [(1, 1), (16_384, 1), (3, 9000)])
def test_pictures_of_every_shape_can_be_checked(check, size):
    assert check()("mask", Image.new("RGB", size, "pink")) is None


def test_an_unknown_label_is_refused_with_a_list_of_the_known_ones(check):
    with pytest.raises(UnusablePlugin, match=r"SUPERIMPOSE_NUDITY_LABELS.* no HANDS;.* FACE_FEMALE"):
        check(nudity_labels=("HANDS",))


def test_the_check_fits_into_the_memory_of_a_job(redis, settings, key_id):
    tight = settings.model_copy(update={**FACE, "job_memory_bytes": 768 * MEBIBYTE})

    def submit(base: bytes) -> str:
        files = {"base_image": base, "overlay_image": plain((8, 8), "navy")}
        inline = {name: base64.b64encode(data).decode() for name, data in files.items()}
        return accept(tight, asked(tight, key_id, inline)).request_id

    requests = [submit(PORTRAIT.read_bytes()), submit(plain((1024, 1024), "navy"))]

    work(tight, Child)

    blocked, fine = (Transitions(redis, tight).read(request_id) for request_id in requests)
    assert blocked is not None
    assert fine is not None
    assert blocked.code == FailureCode.CONTENT_BLOCKED
    assert fine.status is Status.COMPLETED
    assert fine.stages["inspect"] > 0
