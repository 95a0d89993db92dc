"""Sends marked secrets through every route and fault, then searches all outputs for them."""

import base64
import json
import os
import shutil
import signal
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis, RedisError

from tests.asking import accept, asked
from tests.origin import LOGO
from tests.processes import descendants
from tests.redis import guarded_redis
from tests.redis.sentinels import until
from tests.stack import ON_LOOPBACK, Stack, environment, running

OUR_KEY = "si_CANARYKEY0000000000000000000000000000000000"
ADMIN_KEY = "si_CANARYADMIN000000000000000000000000000000"
WRONG_KEY = "si_CANARYWRONG"
PASSWORD, QUERY, DATA = "CANARYPASSWORD", "CANARYQUERY", "CANARYDATA"
SECRETS = (OUR_KEY, "CANARYKEY", "CANARYADMIN", WRONG_KEY, "CANARYWRONG", PASSWORD, QUERY, DATA)
REDIS_SECRETS = (guarded_redis.PASSWORD, guarded_redis.ENCODED, "p@ss", "p%40ss")
KEY_HEADERS = {"x-api-key": OUR_KEY}
INLINE = f"data:image/png;base64,{DATA}{DATA}AA"


@dataclass
class Aftermath:
    """Responses, logs, and the contents of Redis."""

    answers: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    log: str = ""
    stored: dict[str, str] = field(default_factory=dict)
    params: str = ""
    made: list[str] = field(default_factory=list)


@contextmanager
def resetting() -> Iterator[str]:
    """A server that resets every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

        threading.Thread(target=reset, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


class Driver:
    """Calls the service and records its responses."""

    def __init__(self, stack: Stack, after: Aftermath) -> None:
        self.stack, self.after = stack, after

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = KEY_HEADERS | request.pop("headers", {})
        answer = httpx.request(
            method, self.stack.url + path, headers=headers, timeout=30, **ON_LOOPBACK, **request
        )
        self.after.statuses.add(answer.status_code)
        if answer.status_code != 200:
            self.after.answers.append(f"{answer.text} {dict(answer.headers)}")
        if "application/json" in answer.headers.get("content-type", ""):
            self.after.codes.add(answer.json().get("code", ""))
        return answer

    def submit(self, **params: Any) -> str:
        samples = dict.fromkeys(("base_image", "overlay_image"), f"{self.stack.url}/samples/cup.jpg")
        answer = self.call("POST", "/v2/superimpose", json=samples | params)
        return str(answer.json().get("request_id"))

    def finish(self, request_id: str) -> None:
        deadline = time.monotonic() + 60
        while self.call("GET", f"/v2/requests/{request_id}/status").json().get("status", "QUEUED") in (
            "QUEUED",
            "PROCESSING",
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.call("GET", f"/v2/requests/{request_id}")
        self.call("GET", f"/v1/requests/{request_id}")


def wrong_keys(drive: Driver) -> None:
    for headers in (
        {"x-api-key": WRONG_KEY},
        {"x-api-key": "", "authorization": f"Bearer {WRONG_KEY}"},
        {"x-api-key": "", "authorization": f"Basic {WRONG_KEY}"},
    ):
        for method, path in (
            ("POST", "/v2/superimpose"),
            ("POST", "/v1/superimpose"),
            ("GET", "/v2/requests/x"),
            ("GET", f"/v2/requests/x?key={WRONG_KEY}"),
            ("POST", "/v2/requests/x/cancel"),
        ):
            drive.call(method, path, headers=headers, json={})
    for path in (f"/nowhere/{WRONG_KEY}?{QUERY}", f"/pictures/{WRONG_KEY}.png?{QUERY}", "/v2/requests/x"):
        drive.call("GET", path)


def refused_bodies(drive: Driver) -> None:
    url = f"https://user:{PASSWORD}@shop.example/a.png?token={QUERY}"
    for params in (
        {"base_image": [INLINE]},
        {"base_image": {"url": url, "data": DATA}},
        {"mask": {DATA: DATA}},
        {"overlay_image": f"data:{DATA},x"},
        {"overlay_image": f"data:image/png;base64,{DATA}!"},
        {"base_image": f"{DATA}$$"},
        {"base_image": url},
        {"base_image": f"https://shop.example/{QUERY * 1000}"},
        {"base_image": f"http://127.0.0.1:22/a.jpg?token={QUERY}"},
        {"base_image": f"http://[::1?token={QUERY}"},
        {"base_image": f"http://shop.example:99999/?token={QUERY}"},
        {"opacity": url},
        {"image_format": INLINE},
        {"background": f" {url}"},
        {url: 1},
        {INLINE: INLINE},
    ):
        drive.submit(**params)
        drive.call("POST", "/v1/superimpose", json=params)
    for body in (f'{{"base_image": "{INLINE}"', f'["{url}"]', f'"{INLINE}"', f"{url}"):
        drive.call("POST", "/v2/superimpose", content=body, headers={"content-type": "application/json"})
    drive.call("POST", "/v2/superimpose", content=INLINE, headers={"content-type": INLINE})


def uploads(drive: Driver) -> None:
    png = base64.b64encode(LOGO).decode()
    for urls in ([INLINE], [f"data:image/png;base64,{DATA}!"], [{"x": DATA}], INLINE, [f"data:{DATA}"], []):
        drive.call("POST", "/upload-asset", json={"data_urls": urls})
    drive.call("POST", "/upload-asset", json={"data_urls": [f"data:image/png;base64,{png}"]})
    drive.call("POST", "/upload-asset", json={INLINE: 1})
    for name, file in ((DATA, DATA.encode()), (f"{DATA}.png", LOGO)):
        drive.call("POST", "/upload-asset", files={name: (name, file, "image/png")})


def administration(drive: Driver) -> None:
    admin = {"x-api-key": ADMIN_KEY}
    made = drive.call("POST", "/admin/keys", headers=admin, json={"name": "shop"}).json()
    drive.after.made.append(made["key"])
    key = f"/admin/keys/{made['key_id']}"
    rotated = drive.call("POST", f"{key}/rotate", headers=admin, json={}).json()
    drive.after.made.append(rotated["key"])
    drive.call("GET", "/v1/get-user-credits", headers={"x-api-key": made["key"]})
    drive.call("POST", f"{key}/credit", headers=admin, json={"amount": made["key"]})
    drive.call("POST", "/admin/keys", headers=admin, json={"name": [made["key"]], "scopes": [INLINE]})
    drive.call("POST", "/admin/keys", headers={"x-api-key": WRONG_KEY}, json={"name": "shop"})
    drive.call("GET", "/admin/keys", headers=admin)
    drive.call("DELETE", key, headers=admin)
    drive.submit(headers={"x-api-key": made["key"]})


def failing_requests(drive: Driver, origin: str, resets: str) -> None:
    query = f"?token={QUERY}#{QUERY}"
    made = [
        drive.submit(base_image=base)
        for base in (
            f"{origin}/cup.jpg{query}",
            f"{origin}/nothing{query}",
            f"{origin}/endless{query}",
            f"{origin}/text.png{query}",
            f"{origin}/truncated.jpg{query}",
            f"{origin}/huge.jpg{query}",
            f"{resets}/a.jpg{query}",
            f"http://127.0.0.1:1025/a.jpg{query}",
            f"http://10.0.0.1/a.jpg{query}",
            f"http://shop.invalid/a.jpg{query}",
            f"http://no-such-name.example-of-nobody.com/a.jpg{query}",
            INLINE,
            INLINE.partition(",")[2],
        )
    ]
    for request_id in made:
        drive.finish(request_id)
    drive.call("POST", "/v1/superimpose", json={"base_image": INLINE, "overlay_image": INLINE})


def crash(drive: Driver, origin: Any) -> None:
    """The child is killed while it fetches, until the request has no attempts left."""
    path = f"/hangs.jpg?token={QUERY}&crash"
    request_id = drive.submit(base_image=origin.url + path)
    worker = drive.stack.processes[-1].pid
    for attempt in (1, 2):
        origin.await_request(path, attempt)
        for child in descendants(worker):
            os.kill(child, signal.SIGKILL)
    drive.finish(request_id)


def cancel(drive: Driver, origin: Any) -> None:
    path = f"/hangs.jpg?token={QUERY}&cancel"
    request_id = drive.submit(base_image=origin.url + path)
    origin.await_request(path)
    drive.call("POST", f"/v2/requests/{request_id}/cancel")
    drive.call("POST", f"/v2/requests/{request_id}/cancel")


def broken_record(drive: Driver, redis: Redis) -> None:
    """An error of ours: a 500."""
    request_id = drive.submit(base_image=INLINE)
    drive.finish(request_id)
    redis.hset(f"superimpose:request:{request_id}", "params", f"{{'{QUERY}'")
    drive.call("GET", f"/v2/requests/{request_id}")
    redis.delete(f"superimpose:request:{request_id}")


def broken_store(drive: Driver, directory: Path) -> None:
    """A file in the directory's place, as permissions would not stop root."""
    picture = drive.submit()
    drive.finish(picture)
    output = drive.call("GET", f"/v2/requests/{picture}").json()["output"]
    shutil.rmtree(directory / "store")
    (directory / "store").touch()
    drive.submit(base_image=INLINE)
    drive.finish(drive.submit())
    drive.call("GET", output.removeprefix(drive.stack.url))


def redis_gone(drive: Driver, process: Any) -> None:
    process.kill()
    process.wait()
    drive.submit(base_image=INLINE)
    drive.call("POST", "/v1/superimpose", json={"base_image": INLINE, "overlay_image": INLINE})
    drive.call("GET", "/v2/requests/x/status", headers={"x-api-key": WRONG_KEY})
    drive.call("POST", "/v2/requests/x/cancel")


def everything_in(redis: Redis) -> Iterator[tuple[str, bytes]]:
    """All of Redis by `key field`, with RQ's values unpacked."""
    for key in map(bytes.decode, redis.scan_iter()):
        yield key, key.encode()
        match redis.type(key):
            case b"hash":
                for name, value in redis.hgetall(key).items():
                    yield f"{key} {name.decode()}", name + b" " + unpacked(value)
            case b"stream":
                for _, fields in redis.xrange(key):
                    yield key, b" ".join(unpacked(value) for value in fields.values())
            case b"zset" | b"list" | b"set" as kind:
                read = {"zset": redis.zrange, "list": redis.lrange}.get(kind.decode())
                yield key, b" ".join(read(key, 0, -1) if read else redis.smembers(key))
            case _:
                yield key, redis.get(key) or b""


def unpacked(value: bytes) -> bytes:
    for unpack in (zlib.decompress, lambda text: zlib.decompress(base64.b64decode(text)), base64.b64decode):
        try:
            return value + b" " + unpack(value)
        except ValueError:
            continue
        except zlib.error:
            continue
    return value


@pytest.fixture(scope="module")
def after(tmp_path_factory, origin):
    directory = tmp_path_factory.mktemp("secrets")
    after = Aftermath()
    with guarded_redis.serving(directory) as guarded, resetting() as resets:
        env = environment(
            guarded.tls,
            directory,
            dev_api_key=OUR_KEY,
            admin_key=ADMIN_KEY,
            fetch_allow="127.0.0.1/32,::1/128",
            max_attempts=2,
            fetch_timeout_s=5,
            job_timeout_s=20,
            log_format="json",
            access_log=True,
        )
        with (directory / "log").open("wb") as log, running(env, log=log) as stack:
            drive = Driver(stack, after)
            with Redis.from_url(guarded.plain) as redis:
                wrong_keys(drive)
                refused_bodies(drive)
                uploads(drive)
                administration(drive)
                failing_requests(drive, origin.url, resets)
                crash(drive, origin)
                cancel(drive, origin)
                broken_record(drive, redis)
                broken_store(drive, directory)
                for where, value in everything_in(redis):
                    text = value.decode(errors="replace")
                    if where.startswith("superimpose:request:") and where.endswith(" params"):
                        after.params += text
                    else:
                        after.stored[where] = after.stored.get(where, "") + text
            redis_gone(drive, guarded.process)
            until(lambda: "Redis cannot be reached" in (directory / "log").read_text(), "a worker says so")
        after.log = (directory / "log").read_text()
    origin.release.set()
    origin.release.clear()
    return after


def test_all_kinds_of_responses_occurred(after):
    """Without this the other tests would prove nothing."""
    assert after.statuses >= {200, 400, 401, 404, 409, 422, 500, 502}
    assert after.codes >= {
        "invalid_parameters",
        "invalid_key",
        "missing_key",
        "fetch_failed",
        "invalid_image",
        "image_too_large",
        "worker_lost",
        "cancelled",
        "internal",
        "unavailable",
    }
    texts = (
        '"exc_type"',
        "superimpose.access",
        "was not fetched",
        "was ended by signal 9",
        "COMPLETED",
        "Redis",
    )
    for text in texts:
        assert text in after.log
    assert any(key.startswith("rq:job:") for key in after.stored)


@pytest.mark.parametrize("secret", SECRETS + REDIS_SECRETS)
def test_no_log_contains_a_secret(after, secret):
    assert secret not in after.log


@pytest.mark.parametrize("secret", SECRETS + REDIS_SECRETS)
def test_no_response_contains_a_secret(after, secret):
    assert [answer for answer in after.answers if secret in answer] == []


@pytest.mark.parametrize("secret", SECRETS + REDIS_SECRETS)
def test_redis_contains_no_secret_but_the_urls_that_workers_fetch(after, secret):
    assert {where: value for where, value in after.stored.items() if secret in value} == {}
    assert (secret in after.params) == (secret == QUERY)


def test_a_new_key_is_only_in_the_response_that_returns_it(after):
    assert len(after.made) == 2
    for key in after.made:
        assert key not in after.log
        assert not any(key in value for value in after.stored.values())
        assert not any(key in answer for answer in after.answers)


def test_the_rq_job_contains_nothing_of_the_request(after):
    data = [value for where, value in after.stored.items() if where.endswith(" data")]
    described = {value for where, value in after.stored.items() if where.endswith(" description")}

    assert data
    assert all(
        json.loads(value[value.index('["worker') :])[0] == "worker.tasks.superimpose" for value in data
    )
    assert described == {"description superimpose"}


def test_a_full_redis_does_not_quote_the_request_it_refuses(redis, settings, key_id):
    """redis-py quotes the failed command in its error, which is logged."""
    url = f"https://shop.example/?{QUERY}"
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(RedisError) as refused:
            accept(settings, asked(settings, key_id, {"base_image": url, "overlay_image": url}))
    finally:
        redis.config_set("maxmemory", 0)
    assert QUERY not in str(refused.value)
