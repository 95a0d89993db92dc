"""The service with its pictures in a bucket."""

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pydantic import ValidationError
from redis import Redis

from api.service import STORE_THREADS
from jobs import keyspace
from jobs.config.settings import Settings
from tests import s3
from tests.origin import CUP, LOGO
from tests.stack import empty_database, environment, running

URL = "https://shop.example/cup.jpg"


def test_inline_inputs_and_results_go_through_the_bucket(redis_socket, tmp_path, bucket):
    env = environment(empty_database(redis_socket, 13), tmp_path, storage_url=bucket.url) | bucket.env
    base, overlay = (base64.b64encode(file).decode() for file in (CUP, LOGO))

    with running(env) as stack:
        request_id = stack.submit(base_image=base, overlay_image=f"data:image/png;base64,{overlay}")
        finished = stack.finish(request_id)
        image = stack.client.get(f"/v2/requests/{request_id}").json()["images"][0]
        whole = stack.client.get(image["url"])
        part = stack.client.get(image["url"], headers={"range": "bytes=3-9"})

    assert finished.status_code == 200
    assert (whole.status_code, len(whole.content)) == (200, image["file_size"])
    assert (part.status_code, part.content) == (206, whole.content[3:10])
    assert not (tmp_path / "store").exists()


def test_pictures_can_be_fetched_from_the_bucket_itself(redis_socket, tmp_path, bucket):
    env = environment(
        empty_database(redis_socket, 13), tmp_path, storage_url=bucket.url, redirect_to_bucket=True
    )
    base, overlay = (base64.b64encode(file).decode() for file in (CUP, LOGO))

    with running(env | bucket.env) as stack:
        request_id = stack.submit(base_image=base, overlay_image=overlay, image_format="png")
        stack.finish(request_id)
        image = stack.client.get(f"/v2/requests/{request_id}").json()["images"][0]
        answer = stack.client.get(image["url"])
        head = stack.client.head(image["url"])
        (upload,) = stack.client.post("/upload-asset", json={"data_urls": [base]}).json()["urls"]
        uploaded = httpx.get(stack.client.get(upload).headers["location"], trust_env=False)

    assert (head.status_code, head.headers["content-length"]) == (200, str(image["file_size"]))
    assert uploaded.headers["content-type"] == "image/jpeg"
    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "private, no-store", "the signature ends"
    fetched = httpx.get(answer.headers["location"], trust_env=False)
    assert (fetched.status_code, len(fetched.content)) == (200, image["file_size"])
    assert fetched.headers["content-type"] == "image/png"


def publish(redis_url: str) -> None:
    """Publish a picture named `token` without storing it."""
    with Redis.from_url(redis_url) as redis:
        fields = {
            "path": "outputs/20300101T0000/token",
            "content_type": "image/png",
            "file_size": 9,
            "expires_at": int((time.time() + 60) * 1000),
            "owner": "",
        }
        redis.hset(keyspace.picture("token"), mapping=fields)


def test_slow_machine_credentials_block_no_other_calls(redis_socket, tmp_path):
    requested, known = threading.Semaphore(0), threading.Event()
    with s3.instance_metadata(requested, lambda: known.wait(20)) as metadata, ThreadPoolExecutor() as threads:
        env = environment(
            empty_database(redis_socket, 13), tmp_path, storage_url="s3://any/prefix", redirect_to_bucket=True
        )
        of_machine = {"AWS_METADATA_ENDPOINT": metadata, "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
        with running(env | of_machine, workers=0) as stack:
            publish(env["SUPERIMPOSE_REDIS_URL"])
            assert requested.acquire(timeout=20), "the sweep's store asks too"
            signing = threads.submit(httpx.get, f"{stack.url}/pictures/token.png", trust_env=False)
            assert requested.acquire(timeout=20)
            assert stack.client.get("/livez").status_code == 200
            was_signing = not signing.done()
            known.set()
            answer = signing.result()

    assert was_signing
    assert answer.status_code == 307
    assert "X-Amz-Credential=machine%2F" in answer.headers["location"]


def test_a_missing_bucket_is_a_502_with_its_cause_in_the_log(redis_socket, tmp_path, s3_server, bucket):
    missing = bucket.url.replace("pictures-", "missing-")
    env = environment(empty_database(redis_socket, 13), tmp_path, storage_url=missing) | bucket.env
    picture = base64.b64encode(LOGO).decode()
    with (tmp_path / "log").open("w+b") as log, running(env, workers=0, log=log) as stack:
        answers = [
            stack.client.post("/v2/superimpose", json={"base_image": picture, "overlay_image": picture}),
            stack.client.post("/upload-asset", json={"data_urls": [picture]}),
        ]
        ready = stack.client.get("/readyz")
        publish(env["SUPERIMPOSE_REDIS_URL"])
        answers.append(httpx.get(f"{stack.url}/pictures/token.png", trust_env=False))

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(502, "unavailable")] * 3
    assert (ready.status_code, ready.json()["missing"]) == (503, ["store", "worker"])
    logged = (tmp_path / "log").read_text()
    assert logged.count("the bucket of SUPERIMPOSE_STORAGE_URL does not exist") >= 3
    assert not any("SUPERIMPOSE" in answer.text for answer in answers)


def test_a_directory_has_no_urls_to_redirect_to(monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_REDIRECT_TO_BUCKET", "true")

    with pytest.raises(ValidationError, match="REDIRECT_TO_BUCKET needs a bucket as SUPERIMPOSE_STORAGE_URL"):
        Settings()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000], ids=["silent", "trickling"]
)
def test_a_silent_bucket_affects_only_calls_that_need_it(redis, redis_socket, tmp_path, answer):
    inline = {name: base64.b64encode(LOGO).decode() for name in ("base_image", "overlay_image")}
    with (
        s3.silent(answer) as bucket,
        running(
            environment(f"unix://{redis_socket}?db=1", tmp_path, storage_url=bucket.url) | bucket.env, 0
        ) as stack,
        ThreadPoolExecutor(60) as threads,
    ):
        hanging = [threads.submit(stack.client.post, "/v2/superimpose", json=inline) for _ in range(60)]
        assert all(bucket.accepted.acquire(timeout=20) for _ in range(STORE_THREADS))
        assert stack.client.get("/health").status_code == 200
        stack.submit(base_image=URL, overlay_image=URL)
        others_done_first = not any(each.done() for each in hanging)
        assert "store" in stack.client.get("/readyz").json()["missing"]
        answers = [each.result() for each in hanging]
        later = sum(iter(lambda: bucket.accepted.acquire(blocking=False), False))

    assert others_done_first
    assert {each.status_code for each in answers} == {502}
    assert later < 60 - STORE_THREADS, (
        "calls that waited for a thread fail with the first, not after a time of their own"
    )


def test_all_pictures_of_a_submit_are_stored_concurrently(redis, redis_socket, tmp_path):
    inline = [base64.b64encode(LOGO + bytes([number])).decode() for number in range(3)]
    all_three = threading.Barrier(3)
    with (
        s3.held(lambda: all_three.wait(20)) as bucket,
        running(
            environment(f"unix://{redis_socket}?db=1", tmp_path, storage_url=bucket.url) | bucket.env, 0
        ) as stack,
    ):
        pictures = dict(zip(("base_image", "overlay_image", "mask"), inline, strict=True))
        submitted = stack.client.post("/v2/superimpose", json=pictures)
        uploaded = stack.client.post("/upload-asset", json={"data_urls": inline})

    assert (submitted.status_code, uploaded.status_code) == (200, 200)


def test_a_worker_with_a_silent_bucket_fails_its_request_and_processes_the_next(redis_socket, tmp_path):
    speaks = threading.Event()
    with s3.held(lambda: speaks.wait(50)) as bucket:
        env = environment(empty_database(redis_socket, 13), tmp_path, storage_url=bucket.url, job_timeout_s=3)
        with running(env | bucket.env, workers=1) as stack:
            pictures = dict.fromkeys(("base_image", "overlay_image"), f"{stack.url}/samples/logo.png")
            silent = stack.submit(**pictures)
            ended = stack.finish(silent)
            speaks.set()
            later = stack.finish(stack.submit(**pictures))

    assert (ended.status_code, ended.json()["code"]) == (422, "timeout")
    assert later.json()["status"] == "COMPLETED"
