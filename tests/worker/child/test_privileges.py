"""What a decoding process can reach of others, tried from inside it."""

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from cli.serve.redis_server import without_our_settings
from jobs.pictures.inputs import SAMPLE
from tests.missing import missing
from tests.processes import descendants
from tests.redis import guarded_redis
from tests.stack import ON_LOOPBACK, Stack, await_http, environment, free_port
from tests.worker.child.intruder import FINDINGS, TARGETS
from tests.worker.conftest import outcome_of
from worker.child.child import Child
from worker.child.messages import Order

ROOT = Path(__file__).parents[3]
KEY, ADMIN_KEY = "CANARY1-key-of-the-api-itself", "CANARY2-key-of-the-admin-api"
COLLECTOR = "api-key=CANARY3"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
SHOW_ENTRY = """
mount -t tmpfs -o mode=755 none /mnt
mkdir "/mnt/$2"
mount --rbind "$1/$2" "/mnt/$2"
mount --rbind /mnt "$1"
shift 2
exec "$@"
"""
"""In a mount namespace of its own: an entry of a directory that only root may search, for everybody."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux keeps processes apart")


@pytest.fixture(params=["as we are", "as nobody"])
def become(request: pytest.FixtureRequest) -> Sequence[str]:
    """The command prefix that sets up the privileges."""
    if request.param == "as we are":
        return ()
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    if not shutil.which("setpriv"):
        missing("no setpriv on PATH (apt install util-linux)")
    nobody = (*python_for_everybody(), *NOBODY)
    same = [*nobody, sys.executable, "-c", "import sys; print(sys.version)"]
    if subprocess.run(same, capture_output=True, text=True).stdout.strip() != sys.version:
        pytest.skip("this Python cannot be run by other users")
    return nobody


def python_for_everybody() -> Sequence[str]:
    """What stands before a command that runs this Python as another user, often from root's own directory."""
    way = [*reversed(Path(sys.executable).resolve().parents)]
    closed = next((nth for nth, folder in enumerate(way) if not folder.stat().st_mode & 0o001), None)
    if closed is None or not shutil.which("unshare"):
        return ()
    return ("unshare", "--mount", "sh", "-ec", SHOW_ENTRY, "sh", str(way[closed]), way[closed + 1].name)


@pytest.fixture
def unprivileged(become: Sequence[str]) -> Sequence[str]:
    """The same without root's capabilities."""
    bare = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    return become or bare


@pytest.fixture
def directory(become: Sequence[str]) -> Iterator[Path]:
    """A folder that the user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        if become:
            os.chown(name, 65534, 65534)
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def everything(become: Sequence[str], directory: Path, redis_url: str) -> Iterator[Stack]:
    """`superimpose up` with two workers whose children intrude."""
    url = f"http://127.0.0.1:{free_port()}"
    env = environment(
        redis_url,
        directory / "data",
        dev_api_key=KEY,
        admin_key=ADMIN_KEY,
        content_check="tests.worker.child.intruder:Intruder",
    )
    env |= {"OTEL_EXPORTER_OTLP_HEADERS": COLLECTOR, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*become, sys.executable, "-m", "cli", "up", "--workers", "2", "--port", url.rpartition(":")[2]]
    up = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=url, headers={"x-api-key": KEY}, timeout=30, **ON_LOOPBACK) as client:
            await_http(f"{url}/livez", up)
            yield Stack(url, env, client, [up])
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


def test_a_compromised_child_learns_no_secret_of_any_process(unprivileged, directory):
    """Tried on its parent, the supervisor, the API, the webhook sender, the other worker and itself."""
    with guarded_redis.serving(directory) as redis, everything(unprivileged, directory, redis.tls) as stack:
        pids = await_processes(stack.processes[0].pid, 7)
        (directory / "data" / TARGETS).write_text(json.dumps(pids))
        samples = dict.fromkeys(("base_image", "overlay_image"), f"{stack.url}/samples/logo.png")
        assert stack.finish(stack.submit(**samples)).json()["status"] == "COMPLETED"
        findings = json.loads((directory / "data" / FINDINGS).read_text())
        from_outside = [intrude(unprivileged, pid) for pid in pids]

    own = findings.pop("self")
    assert {"maps", "read"} <= own.keys()
    assert not any(own.values())
    assert findings == {str(pid): {"cmdline": []} for pid in pids if str(pid) in findings}
    assert len(findings) == 6
    assert from_outside == [{"cmdline": [], "signal": []}] * 7, "all are hidden"


def await_processes(above: int, number: int) -> list[int]:
    """A process and its descendants, once there are `number` of them."""
    deadline = time.monotonic() + 60
    while len(pids := [above, *descendants(above)]) < number:
        assert time.monotonic() < deadline, pids
        time.sleep(0.05)
    return pids


WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"
HIDE = "from worker.privileges import hide; hide(); "


@contextlib.contextmanager
def target(become: Sequence[str], code: str) -> Iterator[int]:
    """A process with a secret in its environment and in its memory."""
    env = os.environ | {"SECRET": "CANARY4", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*become, sys.executable, "-c", code]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def intrude(become: Sequence[str], pid: int, *how: str) -> dict[str, list[str]]:
    """What another process of the same user finds, by way."""
    done = subprocess.run(
        [*become, sys.executable, "-m", "tests.worker.child.intruder", str(pid), *how],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ways: dict[str, list[str]] = json.loads(done.stdout)[str(pid)]
    return ways


def test_a_process_that_is_not_hidden_can_be_read(unprivileged):
    """Otherwise the other tests would prove nothing."""
    with target(unprivileged, WAIT) as pid:
        ways = intrude(unprivileged, pid)

    assert ways["environ"] == ways["maps"] == ["CANARY4"]
    assert {"mem", "fd", "read", "ptrace", "getfd", "signal"} <= ways.keys()


def test_a_hidden_process_can_only_be_signalled(unprivileged):
    with target(unprivileged, HIDE + WAIT) as pid:
        assert intrude(unprivileged, pid) == {"cmdline": [], "signal": []}


def test_a_confined_process_cannot_reach_processes_that_are_not_hidden(unprivileged):
    """Such as a worker that is just starting."""
    version = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
    if version < 1:
        missing("needs a Linux with Landlock")
    with target(unprivileged, WAIT) as pid:
        ways = intrude(unprivileged, pid, "--confined")

    assert ways == {"cmdline": []} | ({} if version >= 6 else {"signal": []})


def test_no_thread_of_a_child_has_a_capability_or_can_gain_one(settings):
    child = Child(settings)
    try:
        child.await_ready()
        samples = dict.fromkeys(("base_image", "overlay_image"), f"{SAMPLE}logo.png")
        assert outcome_of(child, Order("one", 1, "key", samples, 60, "outputs/20300101T0000/a-token"))
        threads = [path.read_text() for path in Path(f"/proc/{child.pid}/task").glob("*/status")]
    finally:
        child.kill()

    assert len(threads) > 1
    for status in threads:
        assert len(re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\t0+\n", status)) == 4
        assert "NoNewPrivs:\t1\n" in status
        assert os.geteuid() != 0 or re.search(r"CapBnd:\t0+\n", status)


def test_redis_does_not_inherit_our_settings(monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_ADMIN_KEY", ADMIN_KEY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", COLLECTOR)
    monkeypatch.setenv("TZ", "UTC")

    done = subprocess.run([*without_our_settings(), "env"], capture_output=True, text=True, check=True)

    assert "CANARY" not in done.stdout
    assert "TZ=UTC" in done.stdout
