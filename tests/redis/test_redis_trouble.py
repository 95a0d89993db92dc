"""Redis dead, restarted, full or silent at the worst moment: no accepted request is lost or half created."""

import base64
import resource
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from cli.serve.redis_server import await_ready, server_command
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.inputs import sample_bytes
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.connection import REPLY_TIMEOUT_S
from tests.asking import claim_request
from tests.redis.sentinels import until
from tests.redis.way import Way
from tests.stack import Stack, empty_database, environment, forget, running

URLS = {"base_image": "https://shop.example/a.jpg", "overlay_image": "https://shop.example/b.png"}


@dataclass
class OwnRedis:
    """A Redis that can be killed and started again, on the same files."""

    directory: Path
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    @property
    def socket(self) -> Path:
        return self.directory / "s"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Returns when it has read its file."""
        command = server_command(self.directory, self.socket)
        # While SIGXFSZ stays ignored, as in Python, a write beyond RLIMIT_FSIZE fails as on a full disk.
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, restore_signals=False)
        await_ready(self.socket, lambda: self.process.poll() is not None)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    """Each test leaves it running, without limits."""
    redis = OwnRedis(tmp_path_factory.mktemp("r"))
    yield redis
    redis.kill()


@pytest.fixture(scope="module")
def stack(own_redis: OwnRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    one_at_a_time = {"fetch_allow": "127.0.0.1/32", "fetch_timeout_s": 25, "lease_s": 2, "fetch_ahead": 0}
    env = environment(own_redis.url, tmp_path_factory.mktemp("stack"), **one_at_a_time)
    with running(env, workers=1) as stack:
        yield stack


@pytest.fixture(scope="module")
def way(redis_socket: Path) -> Iterator[Way]:
    with Way(redis_socket).serving() as way:
        yield way


@pytest.fixture(scope="module")
def api(way: Way, redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Without workers, behind the proxy."""
    empty_database(redis_socket, 9)
    env = environment(f"redis://127.0.0.1:{way.port}/9", tmp_path_factory.mktemp("api"))
    with running(env, workers=0) as stack:
        yield stack


@pytest.fixture
def samples(stack: Stack) -> dict[str, str]:
    return {"base_image": f"{stack.url}/samples/cup.jpg", "overlay_image": f"{stack.url}/samples/logo.png"}


def stored(stack: Stack) -> set[Path]:
    return {path for path in Path(stack.env["SUPERIMPOSE_DATA_DIR"], "store").rglob("*") if path.is_file()}


def assert_refused(stack: Stack, samples: dict[str, str]) -> None:
    """Submits with URLs and with inline pictures are refused, and leave nothing in the store."""
    before = stored(stack)
    logo = base64.b64encode(sample_bytes("logo.png") or b"").decode()
    for params in (samples, dict.fromkeys(("base_image", "overlay_image"), logo)):
        answer = stack.client.post("/v2/superimpose", json=params)
        assert (answer.status_code, answer.json()["code"]) == (502, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert stored(stack) <= before


def is_gone(store: PictureStore, path: str) -> bool:
    try:
        store.get(path)
    except FileNotFoundError:
        return True
    return False


def test_a_job_continues_without_redis_and_is_reported_when_it_is_back(own_redis, stack, samples, origin):
    path = "/hangs.jpg?away"
    busy = stack.submit(**samples | {"base_image": origin.url + path})
    waiting = [stack.submit(**samples) for _ in range(3)]
    origin.await_request(path)

    own_redis.kill()
    assert stack.client.post("/v2/superimpose", json=samples).status_code == 502
    origin.release.set()
    own_redis.start()

    for request_id in (busy, *waiting):
        assert stack.finish(request_id).status_code == 200
    origin.release.clear()
    with Redis.from_url(own_redis.url) as redis:
        assert redis.hget(keyspace.request(busy), "attempts") == b"1"


def test_a_full_redis_refuses_submits_while_polls_and_jobs_continue(own_redis, stack, samples, origin):
    path = "/hangs.jpg?full"
    busy = stack.submit(**samples | {"base_image": origin.url + path})
    origin.await_request(path)
    waiting = stack.submit(**samples)
    with Redis.from_url(own_redis.url) as redis:
        before = redis.dbsize()
        redis.config_set("maxmemory", 1)

        assert_refused(stack, samples)
        assert stack.status(waiting).json()["status"] == "QUEUED"
        origin.release.set()
        assert stack.finish(busy).status_code == stack.finish(waiting).status_code == 200
        origin.release.clear()
        assert stack.client.get(f"/v2/requests/{busy}").status_code == 200
        assert not redis.zcard(keyspace.DEADLINES)
        assert redis.dbsize() <= before + 10, "the refused submit left nothing"
        redis.config_set("maxmemory", 0)
    assert stack.finish(stack.submit(**samples)).status_code == 200


def test_a_redis_without_disk_space_loses_nothing_and_continues_with_space(tmp_path_factory, tmp_path):
    own_redis = OwnRedis(tmp_path_factory.mktemp("r"))
    with running(environment(own_redis.url, tmp_path), workers=0) as stack:
        accepted = {stack.submit(**URLS).encode()}
        [file] = own_redis.directory.glob("appendonlydir/*.incr.aof")
        room = file.stat().st_size + 10_000
        resource.prlimit(own_redis.process.pid, resource.RLIMIT_FSIZE, (room, room))
        while (answer := stack.client.post("/v2/superimpose", json=URLS)).status_code == 200:
            accepted.add(answer.json()["request_id"].encode())

        assert (answer.status_code, answer.json()["code"]) == (502, "unavailable")
        assert own_redis.process.wait(60) != 0, "it acknowledges nothing that is not on disk"
        assert len(accepted) > 1
        own_redis.start()

        later = stack.submit(**URLS).encode()
        with Redis.from_url(own_redis.url) as redis:
            assert set(redis.zrange(keyspace.WAITING, 0, -1)) >= accepted | {later}
    own_redis.kill()


def test_a_submit_whose_answer_is_lost_can_be_repeated(api, way, redis_socket):
    api.submit(**URLS)
    way.drop_from = b"shop.example"  # Redis makes the change, but its reply is lost
    headers = {"idempotency-key": "once"}

    lost = api.client.post("/v2/superimpose", json=URLS, headers=headers)
    way.to_drop = 0
    repeated = api.client.post("/v2/superimpose", json=URLS, headers=headers)

    assert lost.status_code == 502
    assert repeated.status_code == 200
    assert repeated.headers["idempotent-replayed"] == "true"
    with Redis.from_url(f"unix://{redis_socket}?db=9") as redis:
        assert redis.zcard(keyspace.WAITING) == 2


def test_a_call_that_waits_for_its_picture_survives_a_silent_redis(api, way, redis_socket):
    forget(api)
    output = Output("token", "outputs/20300101T0000/token", "image/png", 4, 2, 2)
    PictureStore.open(Settings(data_dir=Path(api.env["SUPERIMPOSE_DATA_DIR"]))).put(output.path, b"pict")
    with Redis.from_url(f"unix://{redis_socket}?db=9") as redis, ThreadPoolExecutor() as threads:
        with way.deaf_from(b"result ", 2 * REPLY_TIMEOUT_S):  # when the created request is read
            call = threads.submit(api.client.post, "/v1/superimpose", json=URLS)
        [request_id] = redis.zrange(keyspace.WAITING, 0, -1)
        transitions = Transitions(redis, Settings())
        claim_request(transitions, request_id.decode())
        transitions.complete(request_id.decode(), 1, output, {})
        answer = call.result()

    assert (answer.status_code, answer.content) == (200, b"pict")
    assert answer.headers["x-request-id"] == request_id.decode()


def test_with_everysec_a_full_disk_refuses_submits_while_polls_and_sweeps_continue(own_redis, stack, samples):
    done = stack.submit(**samples)
    assert stack.finish(done).status_code == 200
    with Redis.from_url(own_redis.url) as redis:
        redis.config_set("appendfsync", "everysec")
        resource.prlimit(own_redis.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        until(lambda: stack.client.post("/v2/superimpose", json=samples).status_code == 502, "a refusal")
        assert redis.info("persistence")["aof_last_write_status"] == "err"
        accepted = redis.zcard(keyspace.WAITING)
        store = PictureStore.open(Settings(data_dir=Path(stack.env["SUPERIMPOSE_DATA_DIR"])))
        old = store.new_path("outputs", new_token(), time.time() - 120)
        store.put(old, b"pict")

        assert_refused(stack, samples)

        assert redis.zcard(keyspace.WAITING) == accepted, "the refused submit left nothing"
        assert stack.status(done).json()["status"] == "COMPLETED"
        result = stack.client.get(f"/v2/requests/{done}").json()
        assert stack.client.get(result["images"][0]["url"]).status_code == 200
        assert stack.client.get("/v2/requests/x/status", headers={"x-api-key": "no"}).status_code == 401
        until(lambda: is_gone(store, old), "a sweep")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(own_redis.process.pid, resource.RLIMIT_FSIZE, unlimited)
    until(lambda: stack.client.post("/v2/superimpose", json=samples).status_code == 200, "an accepted submit")
    assert stack.finish(stack.submit(**samples)).status_code == 200
    with Redis.from_url(own_redis.url) as redis:
        redis.config_set("appendfsync", "always")
