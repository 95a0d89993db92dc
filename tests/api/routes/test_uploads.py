"""Uploads: visible to their key only, checked to be pictures, within a quota."""

import asyncio
import base64
import shutil
import tempfile
import threading
from pathlib import Path

import httpx
import pytest
from redis import Redis
from segmind import SegmindClient
from segmind.files import Files
from starlette.datastructures import Headers

from api.routes.uploads import parse_form
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.keys.key_rules import Scope
from jobs.pictures.inputs import sample_bytes
from jobs.pictures.uploads import MIN_BYTES
from tests.stack import KEY, Stack, empty_database, environment, forget, running

CUP, LOGO = sample_bytes("cup.jpg") or b"", sample_bytes("logo.png") or b""
FORM = "multipart/form-data; boundary=x"
QUOTA = len(CUP) + len(LOGO) + 100


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.fixture
def new_key(service, redis_socket):
    """Creates keys of the shared service."""

    def new_key(**options) -> str:
        with Redis.from_url(f"unix://{redis_socket}?db=0") as redis:
            return ApiKeys(redis).create("uploads", KeyOptions(**options))[1]

    return new_key


def upload(stack: Stack, *pictures: bytes, key: str = KEY) -> httpx.Response:
    body = {"data_urls": [data_url(picture) for picture in pictures]}
    return stack.client.post("/upload-asset", json=body, headers={"x-api-key": key})


def test_uploads_can_be_used_as_inputs_and_downloaded(service):
    answer = upload(service, CUP, LOGO).json()
    base, overlay = answer["file_urls"]

    assert answer["urls"] == answer["file_urls"]
    seen = httpx.get(overlay, trust_env=False)
    assert (seen.content, seen.headers["content-type"]) == (LOGO, "image/png")
    status = service.finish(service.submit(base_image=base, overlay_image=overlay))
    assert status.json()["status"] == "COMPLETED", status.text


def test_the_vendors_client_uploads(service, tmp_path, monkeypatch):
    monkeypatch.setattr(Files, "STORAGE_BASE_URL", service.url)
    (tmp_path / "cup.jpg").write_bytes(CUP)
    (tmp_path / "logo.png").write_bytes(LOGO)
    client = SegmindClient(api_key=KEY, base_url=f"{service.url}/v1")

    answer = client.files.upload([tmp_path / "cup.jpg", tmp_path / "logo.png"])

    client._client.close()

    assert [httpx.get(url, trust_env=False).content for url in answer["file_urls"]] == [CUP, LOGO]


def test_uploads_can_be_sent_as_a_form(service):
    files = [("file", ("../../cup.jpg", CUP, "text/html")), ("other", ("logo.svg", LOGO))]

    answer = service.client.post("/upload-asset", files=files).json()

    types = [httpx.get(url, trust_env=False).headers["content-type"] for url in answer["urls"]]
    assert types == ["image/jpeg", "image/png"], "what it is counts, not what it says it is"


def test_a_repeated_upload_is_the_same_for_one_key_only(service, new_key):
    first, again = upload(service, LOGO).json(), upload(service, LOGO).json()

    assert first["urls"] == again["urls"]
    assert upload(service, LOGO, key=new_key()).json()["urls"] != first["urls"]


def test_an_upload_of_another_key_is_reported_as_unknown(service, new_key):
    (mine,) = upload(service, LOGO).json()["urls"]
    unknown = mine.replace(mine.split("/")[-1], "unknown.png")
    other = {"x-api-key": new_key()}

    answers = [httpx.get(url, headers=other, trust_env=False) for url in (mine, unknown)]
    assert answers[0].text == answers[1].text
    assert [answer.status_code for answer in answers] == [404, 404]
    refused = [
        service.client.post("/v2/superimpose", json={"base_image": url, "overlay_image": url}, headers=other)
        for url in (mine, unknown)
    ]
    assert refused[0].text == refused[1].text
    assert refused[0].status_code == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "data_urls: is required"),
        ({"data_urls": []}, "at least 1 item"),
        ({"data_urls": ["x"] * 21}, "at most 20 items"),
        ({"data_urls": "data:,"}, "is not allowed"),
        ({"data_urls": [1]}, "data_urls[0]"),
        ({"data_urls": [], "more": 1}, "more: is not a parameter; known are data_urls"),
        ({"data_urls": ["data:image/png,x"]}, "data_urls[0]: is a data: URI without ;base64"),
        ({"data_urls": ["http://127.0.0.1/x.png"]}, "data_urls[0]: is not valid base64"),
        ({"data_urls": [data_url(b"<svg/>")]}, "data_urls[0]: SVG file, allowed are JPEG, PNG"),
        ({"data_urls": [data_url(b"hello")]}, "data_urls[0]: not an image file of a known format"),
        (
            {"data_urls": [data_url(LOGO[:16] + b"\xff" * 8 + LOGO[24:])]},
            "data_urls[0]: 4294967295 x 4294967295",
        ),
        (
            {"data_urls": [data_url(LOGO), data_url(b"%PDF"), data_url(b"BM")]},
            "data_urls[1]: PDF file",
        ),
    ],
)
def test_a_file_other_than_a_picture_is_refused(service, body, message):
    answer = service.client.post("/upload-asset", json=body)

    assert answer.status_code == 400
    assert message in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", "multipart/form-data"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"no parts", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (b"{}", "text/plain"),
        (LOGO, "image/png"),
    ],
)
def test_a_body_without_files_is_refused(service, content, content_type):
    answer = service.client.post("/upload-asset", content=content, headers={"content-type": content_type})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "latin-1"])
def test_a_form_with_a_slow_charset_is_refused(service, charset):
    part = b'--x\r\nContent-Disposition: form-data; name="a-"\r\n\r\na-a\r\n--x--\r\n'
    answer = service.client.post(
        "/upload-asset", content=part, headers={"content-type": f"{FORM}; charset={charset}"}
    )

    assert answer.status_code == 400
    assert "a charset other than UTF-8" in answer.json()["error"]


def test_a_form_with_the_charset_utf_8_is_accepted(service):
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n%s\r\n--x--\r\n' % LOGO
    answer = service.client.post(
        "/upload-asset", content=part, headers={"content-type": f'{FORM}; charset="UTF-8"'}
    )

    assert answer.status_code == 200, answer.text


def test_a_form_is_parsed_without_files_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n%s\r\n--x--\r\n'

    async def size() -> int:
        form = await parse_form(Headers({"content-type": FORM}), part % bytes(2_000_000))
        try:
            return len(await form["a"].read())
        finally:
            await form.close()

    assert asyncio.run(size()) == 2_000_000


def test_a_key_without_the_scope_may_not_upload(service, new_key):
    answer = upload(service, LOGO, key=new_key(scopes=(Scope.SUPERIMPOSE,)))

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.fixture(scope="module")
def small_api(redis_socket, tmp_path_factory):
    folder, lasting = tmp_path_factory.mktemp("small"), {"upload_ttl_s": 2, "result_ttl_s": 1}
    env = environment(f"unix://{redis_socket}?db=1", folder, upload_quota_bytes=QUOTA, **lasting)
    with running(env, workers=0) as stack:
        yield stack


@pytest.fixture
def small(redis, small_api):
    """An API without workers, with a quota of two pictures per key and a TTL of two seconds."""
    forget(small_api)
    return small_api


def test_a_key_can_use_its_quota_and_again_after_its_uploads_expire(small, redis):
    def distinct(number: int) -> bytes:
        return LOGO + bytes([number])

    (first,) = upload(small, CUP).json()["urls"]
    assert upload(small, LOGO).status_code == 200
    refused = upload(small, distinct(1))
    assert (refused.status_code, refused.json()["code"]) == (413, "quota_exceeded")
    assert f"{len(CUP) + len(LOGO):,} of {QUOTA:,} bytes" in refused.json()["error"]
    assert upload(small, CUP).status_code == 200, "what is there already takes no more room"
    (_, other) = ApiKeys(redis).create("other")
    assert upload(small, distinct(1), key=other).status_code == 200

    gone = threading.Event()
    while httpx.get(first, trust_env=False).status_code != 404:
        gone.wait(0.1)
    assert upload(small, distinct(1)).status_code == 200


def test_small_uploads_count_with_a_minimum_size_and_cannot_fill_redis(small):
    pixels = [b"GIF89a\1\0\1\0" + bytes([number]) for number in range(QUOTA // MIN_BYTES + 1)]

    assert upload(small, *pixels[:-1]).status_code == 200
    assert upload(small, pixels[-1]).json()["code"] == "quota_exceeded"


def test_the_pictures_of_one_call_are_stored_all_or_none(small, redis):
    refused = upload(small, LOGO, CUP, LOGO + b"1")

    assert (refused.status_code, refused.json()["code"]) == (413, "quota_exceeded")
    assert f": 0 of {QUOTA:,} bytes" in refused.json()["error"]
    assert not any((Path(small.env["SUPERIMPOSE_DATA_DIR"]) / "store").rglob("*/" + "?" * 64))
    again = upload(small, LOGO, CUP, LOGO)
    assert again.status_code == 200, "the same twice counts once"
    assert again.json()["urls"][0] == again.json()["urls"][2]


def test_an_upload_that_cannot_be_stored_returns_its_quota(small):
    store = Path(small.env["SUPERIMPOSE_DATA_DIR"]) / "store"
    shutil.rmtree(store, ignore_errors=True)
    store.touch()
    assert upload(small, LOGO + b"1", LOGO + b"2").status_code == 502
    store.unlink()

    assert upload(small, CUP, LOGO).status_code == 200


def test_expired_uploads_leave_nothing_in_redis(small, redis):
    before = set(redis.scan_iter())
    upload(small, CUP, LOGO)
    made = set(redis.scan_iter()) - before

    assert made
    assert all(redis.ttl(name) >= 0 for name in made)


def test_a_hundred_concurrent_uploads_stay_within_the_quota(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 13), tmp_path, upload_quota_bytes=QUOTA)
    pictures = [LOGO + bytes([number]) for number in range(100)]
    codes: list[int] = []
    with running(env, workers=0) as stack:
        threads = [
            threading.Thread(target=lambda picture=picture: codes.append(upload(stack, picture).status_code))
            for picture in pictures
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert codes.count(200) == QUOTA // (len(LOGO) + 1)
    assert set(codes) == {200, 413}
