"""Requests with several layers and with layer parameters."""

import base64

import pytest

from tests.api.submit.test_bad_input import GOOD, URL, errors
from tests.origin import LOGO

LAYER = {"overlay_image": URL}


def submit(service, **body):
    return service.client.post("/v2/superimpose", json={"base_image": URL} | body)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (
            GOOD | {"overlays": [LAYER]},
            "parameters",
            "overlay_image and overlays contradict each other: give one of them",
        ),
        ({"overlays": [LAYER], "opacity": 0.5}, "parameters", "opacity and overlays contradict"),
        ({"overlays": []}, "overlays", "at least 1 item"),
        ({"overlays": [LAYER] * 17}, "overlays", "must have at most 16 items"),
        ({"overlays": [LAYER, LAYER | {"opacity": 2}]}, "overlays[1].opacity", "less than or equal to 1"),
        ({"overlays": [{"opacity": 0.5}]}, "overlays[0].overlay_image", "is required"),
        ({"overlays": [LAYER | {"base64": True}]}, "overlays[0].base64", "known are overlay_image, mask,"),
        ({"overlays": [LAYER | {"mask": "data:,"}]}, "overlays[0].mask", "data: URI"),
        ({"overlays": [LAYER, 5]}, "overlays[1]", "5 is not allowed: must be an object"),
        ({"overlays": [LAYER | {"color": "#fff"}]}, "overlays[0]", "overlay_image and color contradict"),
        ({"overlays": [LAYER | {"invert_mask": True}]}, "overlays[0]", "invert_mask without mask"),
        ({"overlays": 5}, "overlays", "5 is not allowed: must be a list"),
        (GOOD | {"corners": [[0, 0], [1, 0], [0, 1], [1, 1]]}, "corners", "must be a convex quadrilateral"),
        ({"color": "red"}, "color", '"red" is not allowed: must be a colour, #rgb or #rrggbb'),
        ({"color": "#fff", "rotation": 5}, "parameters", "color and rotation contradict"),
        (GOOD | {"region": [0, 0, 1]}, "region", "at least 4 items"),
        (GOOD | {"region": [0, 0, 1, "1"]}, "region[3]", "send the number 1 without quotes"),
        (GOOD | {"region": [0, 0, 0, 1]}, "region", "width and height must be greater than 0"),
        (GOOD | {"region": [0, 0, 1, 17]}, "region[3]", "less than or equal to 16"),
        (GOOD | {"region": [0, 0, 1, 1], "x_percent": 5}, "parameters", "region and x_percent contradict"),
        (GOOD | {"region": [0, 0, 1, 1], "scale_to": 1}, "parameters", "region and scale_to contradict"),
        (GOOD | {"region_fit": "cover"}, "parameters", "region_fit without region"),
        (GOOD | {"scale_of": "min"}, "parameters", "scale_of without scale_to"),
        (GOOD | {"image_quality": "high"}, "image_quality", 'must be a number from 1 to 100, or "keep"'),
        (GOOD | {"image_quality": "keep", "image_format": "png"}, "parameters", '"keep" is for image_format'),
    ],
)
def test_a_fault_in_a_layer_is_named_by_its_path(service, body, field, message):
    answer = submit(service, **body)

    assert answer.status_code == 400
    assert message in errors(answer)[field]


def test_all_faults_of_all_layers_are_in_one_response(service):
    bad = {"overlay_image": "@", "opacity": 2, "tile_spacing": 5}

    answer = submit(service, overlays=[bad, LAYER, bad, bad], opacity=0.5)

    expected = {
        f"overlays[{index}]{name}" for index in (0, 2, 3) for name in ("", ".opacity", ".overlay_image")
    }
    assert set(errors(answer)) == expected | {"parameters"}


def test_a_scene_is_rendered_and_each_input_is_fetched_once(service, origin):
    cup, logo = f"{origin.url}/cup.jpg?scene", f"{origin.url}/logo.png?scene"
    before = list(origin.asked)

    request_id = service.submit(
        base_image=cup,
        overlays=[
            {"color": "#ffd7b5", "blend_mode": "multiply"},
            {"overlay_image": logo, "region": [0.1, 0.1, 0.2, 0.2]},
            {"overlay_image": logo, "scale_to": 0.1, "gravity": "southeast"},
            {"overlay_image": cup, "scale_to": 0.1},
        ],
    )

    assert service.finish(request_id).status_code == 200
    assert sorted(origin.asked[len(before) :]) == ["/cup.jpg?scene", "/logo.png?scene"]


def test_a_layer_whose_picture_cannot_be_fetched_is_named_by_its_path(service, origin):
    good, missing = f"{origin.url}/cup.jpg", f"{origin.url}/missing.jpg"

    request_id = service.submit(
        base_image=good, overlays=[{"overlay_image": good}, {"overlay_image": missing}]
    )

    assert service.finish(request_id).json()["error"].startswith("overlays[1].overlay_image: ")


@pytest.mark.parametrize("base", ["data:image/gif;base64,R0lGODlhAQABAAAAACw=", "{url}/samples/logo.png"])
def test_keep_with_a_known_non_jpeg_base_is_refused(service, base):
    sent = {"base_image": base.format(url=service.url), "overlay_image": URL, "image_quality": "keep"}

    answer = service.client.post("/v2/superimpose", json=sent)

    assert "needs a JPEG file" in errors(answer)["image_quality"]


def test_keep_with_a_non_jpeg_upload_is_refused(service):
    png = base64.b64encode(LOGO).decode()
    (url,) = service.client.post(
        "/upload-asset", json={"data_urls": [f"data:image/png;base64,{png}"]}
    ).json()["urls"]

    answer = submit(service, base_image=url, overlay_image=URL, image_quality="keep")

    assert "needs a JPEG file" in errors(answer)["image_quality"]


def test_keep_with_a_fetched_non_jpeg_base_fails(service, origin):
    logo = f"{origin.url}/logo.png"

    failed = service.finish(service.submit(base_image=logo, overlay_image=logo, image_quality="keep"))

    assert (failed.status_code, failed.json()["code"]) == (422, "invalid_parameters")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_unknown_model_is_a_404_that_names_the_known_ones(service, version):
    answer = service.client.post(f"/{version}/superimpos", json=GOOD)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_model")
    assert "/v2/superimpose" in answer.json()["error"]
