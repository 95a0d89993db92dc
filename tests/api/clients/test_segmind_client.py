"""The vendor's own client, unmodified except for its base URL."""

import base64
import io

import httpx
import pytest
from PIL import Image
from segmind import SegmindClient
from segmind.exceptions import SegmindError
from segmind.v2 import InferenceFailed

from tests.stack import KEY


@pytest.fixture
def client(service):
    client = SegmindClient(api_key=KEY, base_url=f"{service.url}/v1")
    yield client
    client._client.close()


@pytest.fixture
def pictures(origin):
    return {"base_image": f"{origin.url}/cup.jpg", "overlay_image": f"{origin.url}/logo.png"}


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_run_submits_polls_and_returns_the_result(client, pictures):
    result = client.run("superimpose", **pictures, rescale_factor=0.33, x_offset=430, y_offset=235)

    assert result["status"] == "COMPLETED"
    assert result["error"] is None
    assert {"inference_time", "queue_time", "total_time"} <= result["metrics"].keys()
    picture = httpx.get(result["output"], trust_env=False)
    image = opened(picture.content)
    assert (image.format, image.size) == ("JPEG", (600, 400))
    assert result["images"] == [
        {
            "url": result["output"],
            "content_type": "image/jpeg",
            "file_name": result["output"].rpartition("/")[2],
            "file_size": len(picture.content),
            "width": 600,
            "height": 400,
        }
    ]


def test_the_overlay_is_at_the_offsets(client, pictures, origin):
    result = client.run("superimpose", **pictures, x_offset=100, y_offset=-40, image_format="png")

    image = opened(httpx.get(result["output"], trust_env=False).content).convert("RGB")
    base = opened(httpx.get(f"{origin.url}/cup.jpg", trust_env=False).content).convert("RGB")
    outside, inside = (90, 200), (100 + 150, -40 + 185)
    assert image.getpixel(outside) == base.getpixel(outside)
    assert image.getpixel(inside) != base.getpixel(inside)


def test_submit_async_can_be_polled_and_waited_for(client, pictures):
    job = client.submit_async("superimpose", **pictures)

    assert job.submit_response["status"] == "QUEUED"
    assert job.wait(interval=0.05)["request_id"] == job.request_id
    assert job.status()["status"] == "COMPLETED"
    poll = client._client.get(job.submit_response["poll_url"])
    assert poll.json()["output"] == job.result()["output"]


def test_run_sync_returns_the_picture(client, pictures):
    response = client.run_sync("superimpose", **pictures, image_format="webp")

    assert opened(response.content).format == "WEBP"
    assert response.headers["content-type"] == "image/webp"
    assert float(response.headers["x-generation-time"]) > 0
    assert client._client.get(f"/../v2/requests/{response.headers['x-request-id']}").status_code == 200


def test_run_sync_with_base64_returns_json(client, pictures):
    response = client.run_sync("superimpose", **pictures, base64=True)

    assert opened(base64.b64decode(response.json()["image"])).format == "JPEG"


def test_run_with_base64_returns_plain_base64_and_a_url(client, pictures):
    result = client.run("superimpose", **pictures, base64=True)

    assert (
        base64.b64decode(result["output"]) == httpx.get(result["images"][0]["url"], trust_env=False).content
    )


V2 = {
    "blend_mode": "screen",
    "opacity": 90,
    "x_percent": 50,
    "y_percent": 65,
    "mirror": "None",
    "bg_remove_model": "Bria",
}
"""The sample of the vendor's page of superimpose-v2."""


def test_superimpose_v2_runs_with_the_sample_of_its_page(client, pictures):
    result = client.run("superimpose-v2", **pictures, **V2, rescale_factor=0.5)

    assert result["status"] == "COMPLETED"
    assert result["warnings"] == ["bg_remove_model: no remover is configured; the overlay was used as it is"]
    assert opened(httpx.get(result["output"], trust_env=False).content).size == (600, 400)


def test_superimpose_v2_runs_in_one_call(client, pictures, origin):
    response = client.run_sync("superimpose-v2", **pictures, **V2, rescale_factor=0.5, image_format="png")

    image = opened(response.content).convert("RGB")
    base = opened(httpx.get(f"{origin.url}/cup.jpg", trust_env=False).content).convert("RGB")
    assert image.getpixel((20, 20)) == base.getpixel((20, 20))
    pairs = zip(image.getpixel((300, 260)), base.getpixel((300, 260)), strict=True)
    assert all(result >= below for result, below in pairs)  # screen never darkens
    assert image.tobytes() != base.tobytes()


def test_a_failed_request_raises_with_our_text(client, pictures, origin):
    with pytest.raises(InferenceFailed) as failed:
        client.run("superimpose", **pictures | {"overlay_image": f"{origin.url}/text.png"})

    assert failed.value.detail.startswith("overlay_image: ")
    assert failed.value.status_body["code"] == "invalid_image"


def test_a_failed_synchronous_request_is_a_400_with_our_text(client, pictures, origin):
    with pytest.raises(SegmindError) as failed:
        client.run_sync("superimpose", **pictures | {"base_image": f"{origin.url}/missing.jpg"})

    assert failed.value.status == 400
    assert failed.value.detail.startswith("base_image: ")


def test_invalid_parameters_raise_with_their_names(client, pictures):
    with pytest.raises(SegmindError) as refused:
        client.submit_async("superimpose", **pictures, opacity=7)

    assert (refused.value.status, "opacity: 7" in refused.value.detail) == (400, True)


def test_an_unknown_request_is_a_404(client, pictures):
    job = client.submit_async("superimpose", **pictures)
    job.status_url = job.status_url.replace(job.request_id, "00000000-0000-4000-8000-000000000000")

    with pytest.raises(SegmindError) as unknown:
        job.wait()
    assert unknown.value.status == 404


def test_an_unknown_model_is_a_404(client):
    with pytest.raises(SegmindError) as unknown:
        client.submit_async("text-to-image")
    assert unknown.value.status == 404


def test_a_wrong_key_and_a_missing_key_are_401_with_two_texts(service, pictures, monkeypatch):
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    texts = []
    for key in ("wrong", None):
        client = SegmindClient(api_key=key, base_url=f"{service.url}/v1")
        with pytest.raises(SegmindError) as refused:
            client.run("superimpose", **pictures)
        client._client.close()
        assert refused.value.status == 401
        texts.append(refused.value.detail)
    assert texts[0] != texts[1]
