"""Each hostile file through a real confined child: what the caller is told, and that the child works on."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from jobs.api_keys import ApiKeys
from jobs.record import Record
from jobs.settings import Settings
from jobs.status import Status
from jobs.store import PictureStore
from jobs.submission import Submission
from jobs.transitions import Transitions
from tests.compositor.pictures import plain
from tests.worker.hostile.avifs import AVIFS
from tests.worker.hostile.files import PICTURE, Hostile
from tests.worker.hostile.fuzzed import FUZZED
from tests.worker.hostile.gifs import GIFS
from tests.worker.hostile.jpegs import JPEGS
from tests.worker.hostile.pngs import PNGS
from tests.worker.hostile.strangers import STRANGERS
from tests.worker.hostile.vendored import OTHERS, VENDORED
from tests.worker.hostile.webps import WEBPS
from worker.child import Child

ROWS = [*JPEGS, *PNGS, *GIFS, *WEBPS, *AVIFS, *STRANGERS, *VENDORED, *FUZZED]
DEADLINE_S = 30
MEMORY_BYTES = 1_700_000_000
SECRETS = ("/", "\\", "Traceback", "Error", ".py", "0x", "PIL", "illow", "kornia", "lib", "line ")


@dataclass
class Runner:
    """One child, and another only where it died; `peaks` are the most bytes of memory each had."""

    settings: Settings
    redis: Redis
    child: Child = field(init=False)
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.key_id = ApiKeys(self.redis).create("stranger")[0].key_id
        self.start()

    def start(self) -> None:
        """A new child, ready to work."""
        self.child = Child(self.settings)
        self.child.await_ready()

    def run(self, overlay: bytes) -> Record:
        """What becomes of a request with this overlay. Raises `ChildDied`."""
        pictures = {name: base64.b64encode(data).decode() for name, data in self.pictures(overlay).items()}
        store = PictureStore.open(self.settings)
        submission = Submission(self.redis, self.settings, store)
        request_id = submission.submit(pictures, self.key_id, "http://here.example").request_id
        self.child.start(request_id)
        if self.child.outcome(DEADLINE_S) is None:
            self.child.kill()
            pytest.fail(f"no answer in {DEADLINE_S} s")
        record = Transitions(self.redis, self.settings).read(request_id)
        assert record is not None
        return record

    @staticmethod
    def pictures(overlay: bytes) -> dict[str, bytes]:
        """A good base and this overlay."""
        return {"base_image": plain((64, 64), "white"), "overlay_image": overlay}

    def living(self) -> "Runner":
        """Itself, with a new child if the last one ended."""
        if self.child._process.poll() is not None:
            self.start()
        return self

    @property
    def peak_bytes(self) -> int:
        """The most memory that the child has had."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture(scope="module")
def shared_runner(redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    url = f"unix://{redis_socket}?db=2"
    settings = Settings(
        redis_url=url,
        data_dir=tmp_path_factory.mktemp("hostile"),
        job_memory_bytes=MEMORY_BYTES,
        max_attempts=1,
    )
    with Redis.from_url(url) as redis:
        redis.flushdb()
        runner = Runner(settings, redis)
        yield runner
        runner.child.close()
        redis.flushdb()


@pytest.fixture
def runner(shared_runner: Runner) -> Runner:
    return shared_runner.living()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_hostile_file_is_refused_in_words_or_read_and_harms_nothing(row: Hostile, runner: Runner) -> None:
    pid = runner.child.pid

    record = runner.run(row.make())

    ended = record.code or record.status
    assert ended in row.expected, record.error
    assert (record.status is Status.COMPLETED) == (ended == PICTURE)
    if record.error:
        assert record.error.startswith("overlay_image: ")
        assert record.error.count(";") == 1, "it says what to do"
        assert not [secret for secret in SECRETS if secret in record.error]
        assert len(record.error) < 250
    os.kill(pid, 0)
    if Path("/proc/self/status").exists():
        assert runner.peak_bytes < MEMORY_BYTES


def test_after_all_of_them_the_child_still_makes_pictures(runner: Runner) -> None:
    assert runner.run(plain((8, 8), "red")).status is Status.COMPLETED


def test_no_two_hostile_files_share_a_name_and_there_are_many() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 500


def test_every_expectation_of_a_vendored_file_belongs_to_one() -> None:
    assert set(OTHERS) <= {row.name.partition("-")[2] for row in VENDORED}
