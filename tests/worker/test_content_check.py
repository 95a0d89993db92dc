"""The hook that may block pictures, with a test check for two colours."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from compositor import SuperimposeParams
from compositor import superimpose as compose
from jobs.lifecycle.status import FailureCode, Status
from tests.compositor.pictures import plain, png
from tests.stack import Stack, empty_database, environment, running
from tests.worker.conftest import work
from tests.worker.plugins import BLOCKED, BREAKS, REASON, NoPurple
from worker.child.child import Child
from worker.content_check import ContentBlocked, inspection
from worker.plugin import UnusablePlugin, load_plugin

ROOT = Path(__file__).parents[2]
CHECK = "tests.worker.plugins:NoPurple"
FINE, ALSO_FINE, WHITE = plain((20, 20), "red"), plain((20, 20), "navy"), plain((20, 20), "white")
PURPLE = plain((20, 20), BLOCKED)
PICTURES = {"base_image": FINE, "overlay_image": ALSO_FINE, "mask": WHITE}
INPUTS = list(PICTURES)


def body(image_format: str = "png", opacity: float = 1, **pictures: bytes) -> dict[str, object]:
    inline = {name: base64.b64encode(data).decode() for name, data in (PICTURES | pictures).items()}
    return inline | {"image_format": image_format, "opacity": opacity}


def purple(name: str) -> dict[str, object]:
    """A request whose picture `name` is purple; "output" is purple by a half-transparent navy overlay."""
    if name == "output":
        return body(
            base_image=plain((20, 20), (255, 0, 128)), opacity=0.5, overlay_image=plain((20, 20), (1, 0, 128))
        )
    return body(**{name: PURPLE})


@pytest.fixture(scope="module")
def checked(redis_socket, tmp_path_factory):
    env = environment(
        empty_database(redis_socket, 13),
        tmp_path_factory.mktemp("checked"),
        content_check=CHECK,
        max_attempts=2,
    )
    with running(env | {"PYTHONPATH": str(ROOT)}) as stack:
        yield stack


def outputs(stack: Stack) -> list[Path]:
    folder = Path(stack.env["SUPERIMPOSE_DATA_DIR"]) / "store" / "outputs"
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", [*INPUTS, "output"])
def test_a_blocked_picture_fails_its_request_and_leaves_no_output(checked, name):
    before = outputs(checked)

    status = checked.finish(checked.submit(**purple(name)))
    result = checked.client.get(f"/v2/requests/{status.json()['request_id']}")

    failed = status.json()
    assert (status.status_code, failed["status"], failed["code"]) == (422, "FAILED", "content_blocked")
    assert failed["error"].startswith(f"{name}: ")
    assert "use another picture" in failed["error"]
    assert REASON not in status.text
    assert (result.status_code, result.json()) == (422, failed)
    assert outputs(checked) == before


@pytest.mark.parametrize("name", [INPUTS[0], "output"])
def test_a_blocked_picture_is_a_400_for_a_waiting_client(checked, name):
    answer = checked.client.post("/v1/superimpose", json=purple(name))

    assert (answer.status_code, answer.json()["code"]) == (400, "content_blocked")


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_a_picture_that_passes_is_byte_for_byte_the_same(checked, image_format):
    unchecked = compose(FINE, ALSO_FINE, SuperimposeParams(image_format=image_format), WHITE)

    twice = [checked.client.post("/v1/superimpose", json=body(image_format)).content for _ in range(2)]

    assert twice == [unchecked.data] * 2


def test_an_error_of_the_check_fails_the_job_and_the_next_one_runs(checked):
    before = outputs(checked)

    failed = checked.finish(checked.submit(**body(base_image=plain((20, 20), BREAKS)))).json()

    assert (failed["status"], failed["code"]) == ("FAILED", "internal")
    assert "the check is broken" not in failed["error"]
    assert outputs(checked) == before
    assert checked.finish(checked.submit(**body())).json()["status"] == "COMPLETED"


def test_the_reason_is_in_the_log_with_the_request(settings, submit, record, capfd):
    checking = settings.model_copy(update={"content_check": CHECK, "max_attempts": 2})
    requests = [submit(**body(base_image=PURPLE)), submit(**body(base_image=plain((20, 20), BREAKS)))]

    work(checking)

    blocked, broken = map(record, requests)
    assert (blocked.code, blocked.attempts) == (FailureCode.CONTENT_BLOCKED, 1)
    assert (broken.code, broken.attempts) == (FailureCode.INTERNAL, 2)
    log = capfd.readouterr().err
    assert f"request {requests[0]}: content check: base_image: {REASON}" in log
    assert f"request {requests[1]}: attempt 2 failed" in log
    assert '"exc_type": "RuntimeError", "exc_value": "the check is broken"' in log


@pytest.mark.parametrize(
    ("spelling", "why"),
    [
        ("nowhere.to_be:found", "No module named 'nowhere'"),
        ("tests.worker.plugins:NoSuchThing", "no attribute 'NoSuchThing'"),
        ("tests.worker.plugins:plain_function", "missing 1 required positional argument"),
        ("tests.worker.plugins:makes_nothing", "it returned None instead of a check"),
    ],
)
def test_the_error_of_an_unusable_check_names_the_cause(settings, spelling, why):
    with pytest.raises(UnusablePlugin) as unusable:
        load_plugin(settings.model_copy(update={"content_check": spelling}), "content_check", "check")

    assert f"SUPERIMPOSE_CONTENT_CHECK = {spelling} cannot be used: " in str(unusable.value)
    assert why in str(unusable.value)


def test_an_unusable_check_ends_the_worker_with_one_sentence(settings, submit, record):
    spelling = "nowhere.to_be:found"
    env = environment(settings.redis_url, settings.data_dir, content_check=spelling)
    waiting = submit(**body())

    ended = subprocess.run(
        [sys.executable, "-m", "cli", "worker", "--workers", "1"],
        env=env | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    lines = (ended.stdout + ended.stderr).splitlines()
    assert ended.returncode == 2
    assert len(lines) == 1
    assert f"SUPERIMPOSE_CONTENT_CHECK = {spelling} cannot be used: " in lines[0]
    assert "No module named 'nowhere'" in lines[0]
    assert (record(waiting).status, record(waiting).attempts) == (Status.QUEUED, 0)


def test_a_check_that_kills_its_process_at_start_costs_no_job(settings, submit, record):
    dying = environment(settings.redis_url, settings.data_dir, content_check="tests.worker.plugins:dies")
    waiting = submit(**body())

    ended = subprocess.run(
        [sys.executable, "-m", "worker"],
        env=dying | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1
    assert "cannot start: the child process ended with status 3" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (record(waiting).status, record(waiting).attempts) == (Status.QUEUED, 0)


def test_without_a_check_nothing_is_loaded():
    code = (
        "import sys, worker.child.child_process; from worker.resources import Resources;"
        "from jobs.config.settings import Settings; print(Resources.open(Settings()).inspect, *sys.modules)"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    check, *loaded = printed.stdout.split()
    assert check == "None"
    assert {"worker.nudity", "onnxruntime", "nudenet"}.isdisjoint(loaded)


def hidden(alpha: int) -> bytes:
    return png(Image.new("RGBA", (20, 20), (*BLOCKED, alpha)))


@pytest.mark.parametrize("alpha", [0, 1, 254])
@pytest.mark.parametrize("name", INPUTS)
def test_the_check_sees_transparent_pixels_too(settings, name, alpha):
    files = PICTURES | {name: hidden(alpha)}

    with pytest.raises(ContentBlocked, match=name):
        compose(
            files["base_image"],
            files["overlay_image"],
            SuperimposeParams(image_format="png"),
            files["mask"],
            inspect=inspection(NoPurple(settings)),
        )


@pytest.mark.parametrize(("colour", "alpha"), [((0, 0, 0), 127), ((255, 255, 255), 128)])
def test_a_drawing_in_alpha_alone_is_visible_on_white_or_black(colour, alpha):
    """Black or white with a medium alpha is grey on the other."""
    seen: list[tuple[int, ...]] = []

    def check(name: str, picture: Image.Image) -> None:
        seen.append(picture.getpixel((0, 0)))

    inspection(check)("base_image", Image.new("RGBA", (2, 2), (*colour, alpha)))

    assert (128, 128, 128) in seen


def test_an_opaque_picture_is_checked_once():
    seen: list[str] = []

    def check(name: str, picture: Image.Image) -> None:
        seen.append(f"{name} {picture.mode}")

    inspection(check)("mask", Image.new("RGBA", (2, 2), "red"))

    assert seen == ["mask RGB"]


def test_the_documented_check_runs(settings, submit, record, tmp_path, monkeypatch):
    text = (ROOT / "docs/content-checks.md").read_text()
    example, _ = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    [spelling] = re.findall(r"SUPERIMPOSE_CONTENT_CHECK=(?!worker\.)(\S+:\w+)", text)
    (tmp_path / f"{spelling.partition(':')[0]}.py").write_text(example)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    checking = settings.model_copy(update={"content_check": spelling})
    requests = [submit(**body(base_image=FINE)), submit(**body(base_image=plain((4000, 10), "red")))]

    work(checking, Child)

    fine, blocked = map(record, requests)
    assert fine.status is Status.COMPLETED
    assert blocked.code == FailureCode.CONTENT_BLOCKED
