"""The limits of the decoding process, each exceeded in a separate process."""

import base64
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.config.settings import Settings
from jobs.lifecycle.status import FailureCode, Status
from tests.worker.child.liar import BEGUN, DRIPS, HALF, LIES, RAW
from tests.worker.conftest import new_worker, outcome_of, work
from tests.worker.hostile.avifs import AVIFS
from tests.worker.hostile.files import PICTURE
from tests.worker.hostile.gifs import GIFS
from tests.worker.hostile.jpegs import JPEGS
from tests.worker.hostile.pngs import PNGS
from tests.worker.hostile.webps import WEBPS
from worker.bell import pause
from worker.child import child as children
from worker.child.child import SECRETS, Child, ChildDied
from worker.child.messages import Order, Outcome

ROOT = Path(__file__).parents[3]
CONFINED = """
from jobs.config.settings import Settings
from worker.child.confinement import *
confine(Settings({}))
"""
Answered = Callable[[str], Outcome | None]
BOMBS = [
    row
    for row in (*AVIFS, *GIFS, *JPEGS, *PNGS, *WEBPS)
    if row.expected == PICTURE and "49-megapixels" in row.name
]


def run(code: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    """Run `code` in a process confined by `settings`."""
    given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return subprocess.run(
        [sys.executable, "-c", CONFINED.format(given) + code], capture_output=True, text=True, timeout=120
    )


def test_every_limit_is_set_and_cannot_be_raised_again():
    code = "import resource as r, json; names = 'CORE AS NOFILE FSIZE'.split()\n"
    code += "print(json.dumps({n: r.getrlimit(getattr(r, 'RLIMIT_' + n)) for n in names}))"

    limits = json.loads(run(code, job_memory_bytes=2**30, max_pixels=1000, max_input_bytes=2000).stdout)

    assert limits == {"CORE": [0, 0], "AS": [2**30] * 2, "NOFILE": [256] * 2, "FSIZE": [10_000] * 2}


@pytest.mark.skipif(sys.platform != "linux", reason="a promise of Linux's")
def test_no_program_started_by_a_decoder_gains_privileges():
    assert "NoNewPrivs:\t1" in run("print(open('/proc/self/status').read())").stdout


def test_a_write_beyond_the_largest_output_fails_without_ending_the_process(tmp_path):
    code = "from jobs.pictures.store import PictureStore\n"
    code += f"s = PictureStore.open(Settings(data_dir={str(tmp_path)!r}))\n"
    code += (
        "try: s.put('outputs/x', bytes(20_000))\nexcept Exception as e: print('refused', type(e).__name__)\n"
    )
    code += "s.put('outputs/y', bytes(9_000)); print('kept')"

    done = run(code, max_pixels=1000, max_input_bytes=2000)

    assert (done.returncode, done.stdout.split()[0], done.stdout.split()[-1]) == (0, "refused", "kept")


def test_a_log_that_is_a_file_may_outgrow_the_largest_output(tmp_path):
    code = (
        CONFINED.format("max_pixels=1000, max_input_bytes=2000")
        + "import sys; sys.stderr.write('x' * 50_000)"
    )
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", code], stderr=log, check=True, timeout=120)

    assert (tmp_path / "log").stat().st_size == 50_000


def test_exceeding_the_granted_processor_time_ends_the_process():
    done = run("grant_processor_time(0)\nsum(iter(int, 1))")

    assert done.returncode == -signal.SIGXCPU
    assert str(ChildDied(done.returncode)) == "the child process used up its processor time"


def test_processor_time_is_granted_for_each_job():
    code = "import time\nfor job in range(6):\n    grant_processor_time(1)\n    start = time.process_time()\n"
    code += "    while time.process_time() < start + 0.5: pass\n"
    code += "grant_processor_time(10)\nprint(time.process_time())"  # for the end of the process

    done = run(code)

    assert done.returncode == 0
    assert float(done.stdout) > 2.5


def test_other_deaths_of_a_child_name_the_signal():
    assert str(ChildDied(-signal.SIGSEGV)) == "the child process was ended by signal 11, Segmentation fault"
    assert str(ChildDied(1)) == "the child process ended with status 1"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can bound a running process")
def test_an_output_that_cannot_be_written_is_internal_and_not_the_files_fault(settings, submit, record):
    settings = settings.model_copy(update={"max_attempts": 1})  # the next has a new process
    request_id = submit()
    worker = new_worker(settings)
    while not (child := worker._dispatcher.children.ready()):
        pause(1, *worker._dispatcher.children.watched)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (1000, 1000))

    worker.work(burst=True)

    ended = record(request_id)
    assert (ended.status, ended.code, ended.attempts) == (Status.FAILED, FailureCode.INTERNAL, 1)


def test_a_valid_picture_that_needs_too_much_memory_is_internal(settings, submit, record, subtests):
    settings = settings.model_copy(
        update={"max_attempts": 2, "job_memory_bytes": 1_000_000_000, "fetch_ahead": 0}
    )
    bombs = {row.name: submit(mask=base64.b64encode(row.make()).decode()) for row in BOMBS}

    work(settings, Child)

    for name, request_id in bombs.items():
        with subtests.test(name):
            ended = record(request_id)
            assert (ended.status, ended.code, ended.attempts) == (Status.FAILED, FailureCode.INTERNAL, 2)
            assert "mask" not in str(ended.error)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_decoding_process_has_no_keys(settings, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_ADMIN_KEY", "a-canary-that-is-long-enough")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=another")
    given = settings.model_copy(
        update={"admin_key": "a-canary-that-is-long-enough", "dev_api_key": "another"}
    )
    child = Child(given)
    try:
        child.await_ready()
        memory = Path(f"/proc/{child.pid}/environ").read_bytes()
    finally:
        child.kill()

    assert b"SUPERIMPOSE" not in memory
    assert b"OTEL" not in memory
    assert not {"admin_key", "dev_api_key", "redis_url"} & set(
        json.loads(given.model_dump_json(exclude=SECRETS))
    )


def test_the_decoding_process_does_not_import_a_redis_client():
    code = "import sys, worker.child.child_process; print(sorted({'redis', 'rq'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


class Liar(Child):
    module = "tests.worker.child.liar"


@pytest.fixture
def answered(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answered]:
    """What the parent accepts of a compromised child that sends a lie."""
    monkeypatch.setattr(children, "MESSAGE_TIMEOUT_S", 1)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    child = Liar(settings)

    def answered(lie: str) -> Outcome | None:
        child.await_ready()
        order = Order("one", 1, "key", {"background": lie}, 60, "outputs/20300101T0000/a-token")
        return outcome_of(child, order)

    yield answered
    child.kill()


def test_a_valid_message_is_accepted(answered):
    """Otherwise the lies might be refused for another reason."""
    outcome = answered("none")
    assert outcome
    assert outcome.output
    assert outcome.output.path == "outputs/20300101T0000/a-token"


@pytest.mark.parametrize("lie", sorted({*LIES, *RAW, *BEGUN, HALF, DRIPS}))
def test_a_child_that_sends_an_invalid_message_is_killed(answered, lie):
    with pytest.raises(ChildDied):
        answered(lie)
