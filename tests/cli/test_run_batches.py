"""`superimpose run` sends many pictures as batches and survives every failure on the way."""

import asyncio
import io
import json
import random
import signal

import pytest
from PIL import Image
from redis import Redis

from cli.client.api import Api
from cli.client.server import Server
from cli.run import batches
from cli.run.context import BatchBody, RequestParts, Unreadable
from cli.run.items import RunOptions, pictures_of
from cli.run.journal import NAME
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from tests.cli.conftest import TIMEOUT_S, interrupted
from tests.cli.proxy import faulty_proxy
from tests.stack import empty_database, environment, running

COMMAND = (
    "run",
    "--base-dir",
    "shirts",
    "--overlay",
    "logo.png",
    "-o",
    "out",
    "--batch",
    "--scale-to",
    "0.5",
)
BATCH = "POST /v2/superimpose/batch"
PICTURE = "GET /pictures"


SLOW_SIDE = 2000  # takes a worker about 0.1 s


def png(seed: int, side: int = 8) -> bytes:
    """Noise, which is not compressed."""
    out = io.BytesIO()
    pixels = random.Random(seed).randbytes(side * side * 3)
    Image.frombytes("RGB", (side, side), pixels).save(out, "PNG", compress_level=0)
    return out.getvalue()


@pytest.fixture
def shirts(folder):
    """Creates this number of pictures."""
    (folder / "shirts").mkdir()

    def shirts(count: int, side: int = 8) -> None:
        for number in range(count):
            (folder / "shirts" / f"{number}.png").write_bytes(png(number, side))

    return shirts


@pytest.fixture
def slow_shirts(folder):
    """Creates 40 pictures in small files that take seconds to render."""
    (folder / "shirts").mkdir()
    for number in range(40):
        Image.new("1", (SLOW_SIDE, SLOW_SIDE)).save(folder / "shirts" / f"{number}.png")


@pytest.fixture
def run(superimpose):
    return lambda *arguments: superimpose(*COMMAND, *arguments)


def made(folder) -> set[str]:
    return {path.name for path in (folder / "out").glob("*.jpg")}


def sent(proxy) -> list[tuple[str | None, int]]:
    """Idempotency-Key and number of requests of each batch sent."""
    return [(key, len(body.splitlines()) - 1) for call, key, body in proxy.bodies if call == BATCH]


def lines(folder) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "out" / NAME).read_text().splitlines()]


def test_all_pictures_are_sent_in_one_call_and_keep_their_names(run, shirts, proxy, folder):
    shirts(130)

    answer = run()

    assert answer.exit_code == 0, answer.output
    assert made(folder) == {f"{number}.jpg" for number in range(130)}
    (body,) = (body for call, _, body in proxy.bodies if call == BATCH)
    head, *requests = map(json.loads, body.splitlines())
    assert head["defaults"]["scale_to"] == 0.5
    assert "/pictures/" in head["defaults"]["overlay_image"]
    assert {each["custom_id"] for each in requests} == {str(number) for number in range(130)}
    assert all(each["base_image"].startswith("data:") for each in requests)
    assert "130 made in" in answer.stderr


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_a_submit_that_breaks_off_is_repeated_as_the_same_batch(run, shirts, proxy, folder, fault):
    shirts(40)
    proxy.faults[BATCH] = [fault]

    answer = run()

    assert answer.exit_code == 0, answer.output
    assert proxy.asked.count(BATCH) == 2
    assert len({key for key, _ in sent(proxy)}) == 1
    assert len({line["batch_id"] for line in lines(folder) if "batch_id" in line}) == 1
    assert len(made(folder)) == 40


def test_a_killed_run_is_resumed_with_the_batch_it_had_sent(start, run, shirts, proxy, folder):
    shirts(20)
    with proxy.holding(PICTURE, after=5):
        process = start(*COMMAND, "--concurrency", "1")
        proxy.await_calls(PICTURE, 6)
        process.kill()
        process.wait()
    there = made(folder)

    answer = run()

    assert answer.exit_code == 0, answer.output
    assert len(there) == 5
    assert len(made(folder)) == 20
    assert len(sent(proxy)) == 1
    assert "5 kept" in answer.stderr
    assert run().exit_code == 0
    assert len(sent(proxy)) == 1


def test_a_run_killed_before_the_response_sends_the_same_batch_again(start, run, shirts, proxy, folder):
    shirts(5)
    proxy.faults[BATCH] = ["lost"]
    process = start(*COMMAND)
    proxy.await_body(BATCH)
    process.kill()
    process.wait()

    assert run().exit_code == 0

    assert [count for _, count in sent(proxy)] == [5, 5]
    (key,) = {key for key, _ in sent(proxy)}
    (folder / "shirts/0.png").write_bytes(png(99))
    assert run().exit_code == 0
    assert sent(proxy)[2][0] != key


def test_changed_pictures_are_sent_again_and_the_old_batch_is_cancelled(start, run, shirts, proxy, folder):
    shirts(20)
    with proxy.holding(PICTURE, after=1):
        process = start(*COMMAND, "--concurrency", "1")
        proxy.await_calls(PICTURE, 2)
        process.kill()
        process.wait()
    (batch_id,) = (line["batch_id"] for line in lines(folder) if "batch_id" in line)

    answer = run("--opacity", "0.5")

    assert answer.exit_code == 0, answer.output
    assert [count for _, count in sent(proxy)] == [20, 20]
    assert f"POST /v2/batches/{batch_id}/cancel" in proxy.asked


def test_an_interrupt_cancels_queued_requests_and_the_next_run_sends_them(
    start, run, slow_shirts, proxy, folder
):
    process = start(*COMMAND)
    proxy.await_calls(PICTURE, 1)

    status, message = interrupted(process)
    (batch_id,) = (line["batch_id"] for line in lines(folder) if "batch_id" in line)

    assert status == 130, message
    assert f"POST /v2/batches/{batch_id}/cancel" in proxy.asked
    assert not list((folder / "out").glob("*.part"))
    answer = run()
    assert answer.exit_code == 0, answer.output
    assert len(made(folder)) == 40
    assert 40 < sum(count for _, count in sent(proxy)) < 80


def test_with_a_wrong_key_no_picture_is_sent_twice(run, shirts, proxy):
    shirts(3)

    answer = run("--key", "wrong", "--overlay", "https://shop.example/logo.png")

    assert answer.exit_code == 4
    assert "this API key is not valid" in answer.stderr
    assert proxy.asked == [BATCH]


def test_invalid_pictures_are_named_and_the_others_sent_again(run, shirts, proxy, folder):
    shirts(12)
    (folder / "shirts/3.png").write_bytes(b"")
    (folder / "shirts/7.png").write_text("I am a text file")
    (folder / "shirts/9.png").unlink()
    (folder / "shirts/9.png").symlink_to("/proc/self/mem")

    answer = run()

    assert answer.exit_code == 3, answer.output
    assert "shirts/3.png: base_image: is empty" in answer.stderr
    assert "line" not in answer.stderr.split("shirts/3.png")[1].splitlines()[0]
    assert "shirts/7.png: base_image: not an image file" in answer.stderr
    assert "shirts/9.png: " in answer.stderr
    assert "9 made, 3 failed in" in answer.stderr
    assert [count for _, count in sent(proxy)] == [11, 10]


def test_without_enough_credits_nothing_is_rendered(run, shirts, service, folder):
    shirts(6)
    with Redis.from_url(service.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        key = ApiKeys(redis).create("poor", KeyOptions(credits=5))[1]

    answer = run("--key", key)

    assert answer.exit_code == 1
    assert "credits" in answer.stderr
    assert made(folder) == set()


def test_a_batch_that_is_too_large_is_halved(run, shirts, proxy):
    shirts(10)
    proxy.faults[BATCH] = [(413, {}), (413, {})]

    assert run().exit_code == 0
    assert [count for _, count in sent(proxy)] == [10, 5, 2, 2, 2, 2, 2]


def test_after_a_full_queue_batches_grow_again(run, shirts, proxy):
    shirts(12)
    proxy.faults[BATCH] = ["full", "full"]

    assert run().exit_code == 0
    assert [count for _, count in sent(proxy)] == [12, 6, 3, 6, 3], "each is sent after the pause"


def test_batches_are_limited_in_requests_and_bytes(run, shirts, proxy, monkeypatch):
    shirts(6, side=100)
    monkeypatch.setattr(batches, "MAX_BYTES", 2 * len(png(0, 100)) + 1000)
    assert run().exit_code == 0
    assert [count for _, count in sent(proxy)] == [2, 2, 2]

    monkeypatch.setattr(batches, "MAX_REQUESTS", 4)
    assert run("--opacity", "0.5", "--concurrency", "3").exit_code == 0
    assert all(count <= 4 for _, count in sent(proxy)[3:])


def test_files_are_read_while_the_body_is_sent(folder, shirts):
    shirts(40, side=100)
    items = pictures_of(folder / "shirts", folder / "out", None)
    options = RunOptions("superimpose", {}, {}, Server.parse("http://127.0.0.1:1"), "key", as_json=False)

    async def read() -> list[int]:
        sizes = []
        async with Api.open(options.server, options.key, lambda *_: None) as api:
            async for piece in BatchBody({}, items, RequestParts(options, items, api)):
                sizes.append(len(piece))
                if len(sizes) == 2:
                    for shirt in (folder / "shirts").iterdir():
                        shirt.unlink()
        return sizes

    with pytest.raises(Unreadable) as raised:
        asyncio.run(read())
    assert 2 <= raised.value.index < 10


def test_if_all_pictures_are_up_to_date_nothing_is_sent(run, shirts, proxy):
    shirts(2)
    run()

    assert "2 kept" in run().stderr
    assert len(sent(proxy)) == 1


def test_sigterm_interrupts_a_run(start, slow_shirts, proxy):
    process = start(*COMMAND)
    proxy.await_calls(BATCH, 1)
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 130, message


@pytest.fixture(scope="module")
def narrow_service(redis_socket, tmp_path_factory):
    """A service in whose queue four requests of a key may wait."""
    data_dir = tmp_path_factory.mktemp("narrow")
    bounds = {"max_waiting_per_key": 4, "max_batch_bytes": 20_000}
    with running(environment(empty_database(redis_socket, 14), data_dir, **bounds)) as stack:
        yield stack


@pytest.fixture
def narrow(narrow_service, superimpose, monkeypatch):
    """A proxy of that service."""
    with faulty_proxy(narrow_service.url) as proxy:
        monkeypatch.setenv("SUPERIMPOSE_SERVER", proxy.url)
        yield proxy


def test_a_queue_with_few_free_slots_is_filled(narrow, run, shirts, folder):
    shirts(14)

    answer = run()

    assert answer.exit_code == 0, answer.output
    assert len(made(folder)) == 14
    assert [count for _, count in sent(narrow)][:3] == [14, 7, 3]
    assert all(count <= 6 for _, count in sent(narrow)[2:])


def test_a_body_too_large_for_the_server_is_split(narrow, run, shirts, folder):
    shirts(2, side=50)
    (folder / "shirts/huge.png").write_bytes(png(7, side=100))

    answer = run()

    assert answer.exit_code == 3, answer.output
    assert "shirts/huge.png: it is larger than the server takes" in answer.stderr
    assert made(folder) == {"0.jpg", "1.jpg"}
