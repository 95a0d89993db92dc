"""Pictures over HTTP: headers, HEAD, Range, conditional requests."""

from pathlib import Path

import httpx
import pytest

SAMPLES = {"base_image": "cup.jpg", "overlay_image": "logo.png"}


@pytest.fixture(scope="module")
def picture(service, origin):
    request_id = service.submit(
        base_image=f"{origin.url}/cup.jpg", overlay_image=f"{origin.url}/logo.png", image_format="png"
    )
    assert service.finish(request_id).status_code == 200
    return service.client.get(f"/v2/requests/{request_id}").json()["output"]


@pytest.fixture
def browser():
    with httpx.Client(trust_env=False) as client:
        yield client


def test_a_picture_needs_no_key_and_is_served_inert(browser, picture):
    answer = browser.get(picture)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"].startswith("private, max-age=3")
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_head_returns_the_headers_of_get(browser, picture):
    head, get = browser.head(picture), browser.get(picture)

    assert head.content == b""
    assert list(head.headers) == list(get.headers)
    differing = {name for name, value in head.headers.items() if value != get.headers[name]}
    assert differing <= {"date", "cache-control", "ratelimit", "x-rate-limit-reset-at-utc"}


def test_a_matching_etag_is_a_304(browser, picture):
    etag = browser.head(picture).headers["etag"]

    for header in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        assert browser.get(picture, headers={"if-none-match": header}).status_code == 304
    assert browser.get(picture, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("range_header", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, None), ("bytes=-7", -7, None), ("bytes=5-99999999", 5, None)],
)
def test_a_range_is_a_206_with_these_bytes(browser, picture, range_header, start, end):
    whole = browser.get(picture).content
    part = browser.get(picture, headers={"range": range_header})

    assert part.status_code == 206
    assert part.content == whole[start:end]
    first = start if start >= 0 else len(whole) + start
    assert part.headers["content-range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(whole)}"


@pytest.mark.parametrize("range_header", ["bytes=99999999-", "bytes=-0"])
def test_a_range_past_the_end_is_a_416(browser, picture, range_header):
    answer = browser.get(picture, headers={"range": range_header})

    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")
    assert answer.json()["error"]


@pytest.mark.parametrize("range_header", ["bytes=0-1,3-4", "lines=0-1", "bytes=5-2", "bytes=-", "bytes=a-b"])
def test_an_unsupported_range_returns_the_whole_picture(browser, picture, range_header):
    assert browser.get(picture, headers={"range": range_header}).status_code == 200


def test_a_range_of_another_version_returns_the_whole_picture(browser, picture):
    headers = {"range": "bytes=0-9", "if-range": '"another"'}

    assert browser.get(picture, headers=headers).status_code == 200


def test_the_samples_are_served(service, browser):
    for name, content_type in (("cup.jpg", "image/jpeg"), ("logo.png", "image/png")):
        answer = browser.get(f"{service.url}/samples/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == content_type


def test_a_picture_removed_from_the_store_is_a_404_on_every_path(service, browser):
    pictures = {name: f"{service.url}/samples/{file}" for name, file in SAMPLES.items()}
    bodies = {"gone": pictures, "gone-base64": pictures | {"base64": True}}
    ids = {}
    for key, body in bodies.items():
        headers = {"idempotency-key": key}
        ids[key] = service.client.post("/v2/superimpose", json=body, headers=headers).json()["request_id"]
        service.finish(ids[key])
    result = service.client.get(f"/v2/requests/{ids['gone']}").json()
    tokens = [
        service.client.get(f"/v2/requests/{each}").json()["images"][0]["file_name"].partition(".")[0]
        for each in ids.values()
    ]
    for path in (Path(service.env["SUPERIMPOSE_DATA_DIR"]) / "store" / "outputs").rglob("*"):
        if path.name in tokens:
            path.unlink()

    answers = [
        browser.get(result["output"]),
        browser.head(result["output"]),
        browser.get(result["output"], headers={"range": "bytes=0-9"}),
        service.client.get(f"/v2/requests/{ids['gone-base64']}"),
        service.client.get(f"/v1/requests/{ids['gone-base64']}"),
        *(
            service.client.post("/v1/superimpose", json=body, headers={"idempotency-key": key})
            for key, body in bodies.items()
        ),
    ]

    assert [answer.status_code for answer in answers] == [404] * 7
    assert {answer.json()["code"] for answer in answers if answer.content} == {"not_found"}
    assert answers[3].json()["request_id"] == ids["gone-base64"]
    assert service.status(ids["gone"]).json()["status"] == "COMPLETED", "the store is not looked into"
