"""Each hostile file in a real confined child: the result, and that the child survives."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.config.settings import Settings
from jobs.pictures import inputs
from jobs.pictures.store import PictureStore
from tests.compositor.pictures import plain
from tests.worker.conftest import outcome_of
from tests.worker.hostile.avifs import AVIFS
from tests.worker.hostile.files import PICTURE
from tests.worker.hostile.fuzzed import FUZZED
from tests.worker.hostile.gifs import GIFS
from tests.worker.hostile.jpegs import JPEGS
from tests.worker.hostile.pngs import PNGS
from tests.worker.hostile.strangers import STRANGERS
from tests.worker.hostile.vendored import OTHERS, VENDORED
from tests.worker.hostile.webps import WEBPS
from worker.child.child import Child
from worker.child.messages import Ending, Order, Outcome

ROWS = [*JPEGS, *PNGS, *GIFS, *WEBPS, *AVIFS, *STRANGERS, *VENDORED, *FUZZED]
DEADLINE_S = 120
MEMORY_BYTES = 1_700_000_000
SECRETS = ("/", "\\", "Traceback", "Error", ".py", "0x", "PIL", "illow", "kornia", "lib", "line ")


@dataclass
class Runner:
    """One child, replaced only if it died."""

    settings: Settings
    child: Child = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A new child, ready to work."""
        self.child = Child(self.settings)
        self.child.await_ready()

    def run(self, overlay: bytes) -> Outcome:
        """The child's outcome for this overlay. Raises `ChildDied`."""
        store = PictureStore.open(self.settings)
        paths = {name: f"inputs/20300101T0000/{name}" for name in self.pictures(overlay)}
        for name, data in self.pictures(overlay).items():
            store.put(paths[name], data)
        params = {name: inputs.STORE + path for name, path in paths.items()}
        order = Order("a request", 1, "a key", params, DEADLINE_S, path="outputs/20300101T0000/a-token")
        outcome = outcome_of(self.child, order, DEADLINE_S)
        if outcome is None:
            self.child.kill()
            pytest.fail(f"no answer in {DEADLINE_S} s")
        return outcome

    @staticmethod
    def pictures(overlay: bytes) -> dict[str, bytes]:
        """A valid base and this overlay."""
        return {"base_image": plain((64, 64), "white"), "overlay_image": overlay}

    def living(self) -> "Runner":
        """This runner, with a new child if the last one exited."""
        if self.child._process.poll() is not None:
            self.start()
        return self

    @property
    def peak_bytes(self) -> int:
        """The child's peak memory."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture(scope="module")
def shared_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(Settings(data_dir=tmp_path_factory.mktemp("hostile"), job_memory_bytes=MEMORY_BYTES))
    yield runner
    runner.child.kill()


@pytest.fixture
def runner(shared_runner: Runner) -> Runner:
    return shared_runner.living()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_hostile_file_is_refused_with_a_text_or_read(row, runner):
    pid = runner.child.pid

    outcome = runner.run(row.make())

    ended = PICTURE if outcome.ending is Ending.DONE else outcome.code
    assert ended in row.expected, outcome.error
    assert outcome.ending is not Ending.RETRY
    if outcome.error:
        assert outcome.error.startswith("overlay_image: ")
        assert outcome.error.count(";") == 1, "it says what to do"
        assert not [secret for secret in SECRETS if secret in outcome.error]
        assert len(outcome.error) < 250
    os.kill(pid, 0)
    if Path("/proc/self/status").exists():
        assert runner.peak_bytes < MEMORY_BYTES


def test_after_all_hostile_files_the_child_still_renders(runner):
    assert runner.run(plain((8, 8), "red")).ending is Ending.DONE


def test_hostile_files_have_unique_names():
    assert len({row.name for row in ROWS}) == len(ROWS) >= 500


def test_every_expectation_belongs_to_a_vendored_file():
    assert set(OTHERS) <= {row.name.partition("-")[2] for row in VENDORED}
