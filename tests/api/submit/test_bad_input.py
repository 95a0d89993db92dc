"""Invalid input is a 400 at submit, or a FAILED request that names the parameter."""

import base64
import json

import pytest

from tests.origin import CUP

URL = "http://10.0.0.1/a.png"  # refused before it is fetched
GOOD = {"base_image": URL, "overlay_image": URL}


def errors(answer) -> dict[str, str]:
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"", "body", "JSON"),
        (b"not json", "body", "JSON"),
        (b"[1, 2]", "body", "JSON object"),
        (b'"text"', "body", "JSON object"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "body", "JSON"),
        (b"\xff\xfe{}", "body", "JSON"),
        (b'{"base_image": "\\ud800", "overlay_image": "x"}', "body", "JSON"),
        (json.dumps({"overlay_image": URL}).encode(), "base_image", "required"),
        (json.dumps(GOOD | {"colour": 1}).encode(), "colour", "known are base_image"),
        (json.dumps(GOOD | {"rescale_factor": 0}).encode(), "rescale_factor", "greater than 0"),
        (json.dumps(GOOD | {"rescale_factor": 16.5}).encode(), "rescale_factor", "less than or equal to 16"),
        (
            json.dumps(GOOD | {"rescale_factor": "2"}).encode(),
            "rescale_factor",
            '"2" is a string; send the number 2',
        ),
        (json.dumps(GOOD | {"x_offset": "100"}).encode(), "x_offset", "send the number 100 without quotes"),
        (json.dumps(GOOD | {"x_offset": "-5 "}).encode(), "x_offset", "send the number -5 without quotes"),
        (json.dumps(GOOD | {"opacity": "0.5"}).encode(), "opacity", "send the number 0.5 without quotes"),
        (json.dumps(GOOD | {"x_offset": "1.5"}).encode(), "x_offset", "send an integer without quotes"),
        (
            json.dumps(GOOD | {"opacity": ""}).encode(),
            "opacity",
            "send a number without quotes, or leave it out",
        ),
        (json.dumps(GOOD | {"base64": "true"}).encode(), "base64", '"true" is a string; send true without'),
        (json.dumps(GOOD | {"base64": 1}).encode(), "base64", "1 is a number; send true or false"),
        (json.dumps(GOOD | {"opacity": True}).encode(), "opacity", "true is a boolean; send a number"),
        (json.dumps(GOOD | {"width": [5]}).encode(), "width", "a list is not allowed"),
        (json.dumps(GOOD | {"overlay_resize": "fit"}).encode(), "overlay_resize", "'Fit'"),
        (json.dumps(GOOD | {"resize_method": "cubic"}).encode(), "resize_method", "'nearest-exact'"),
        (json.dumps(GOOD | {"width": 0}).encode(), "width", "greater than or equal to 1"),
        (json.dumps(GOOD | {"x_offset": 1.5}).encode(), "x_offset", "integer"),
        (json.dumps(GOOD | {"rotation": 361}).encode(), "rotation", "less than or equal to 360"),
        (json.dumps(GOOD | {"rotation": True}).encode(), "rotation", "integer"),
        (json.dumps(GOOD | {"opacity": -0.1}).encode(), "opacity", "greater than or equal to 0"),
        (b'{"base_image":"x","overlay_image":"x","opacity":1e999}', "opacity", "finite"),
        (b'{"base_image":"x","overlay_image":"x","opacity":NaN}', "opacity", "finite"),
        (json.dumps(GOOD | {"base64": "yes"}).encode(), "base64", "send true or false without quotes"),
        (json.dumps(GOOD | {"image_format": "tiff"}).encode(), "image_format", "'jpeg'"),
        (json.dumps(GOOD | {"image_quality": 101}).encode(), "image_quality", "less than or equal to 100"),
        (json.dumps(GOOD | {"mask": 5}).encode(), "mask", "5 is a number; send it in quotes"),
        (
            json.dumps(GOOD | {"x_percent": 5, "x_offset": 5}).encode(),
            "parameters",
            "x_percent and x_offset contradict",
        ),
        (json.dumps(GOOD | {"invert_mask": True}).encode(), "parameters", "invert_mask without mask"),
        (json.dumps(GOOD | {"base_image": "data:image/png;base64,@"}).encode(), "base_image", "base64"),
        (json.dumps(GOOD | {"overlay_image": ""}).encode(), "overlay_image", "empty"),
        (json.dumps(GOOD | {"mask": "https://shop.example:22/a.png"}).encode(), "mask", "port 22"),
        (json.dumps(GOOD | {"mask": "https://shop.example/a b.png"}).encode(), "mask", "a space"),
        (json.dumps({"base_image": "http://0x7f.1/", "opacity": 2}).encode(), "base_image", "is a number"),
    ],
)
def test_a_fault_is_a_400_naming_the_rule(service, body, field, message):
    answer = service.client.post(
        "/v2/superimpose", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_parameters"
    assert message in errors(answer)[field]
    assert errors(answer)[field] in answer.json()["error"]


@pytest.mark.parametrize(
    ("params", "field", "message"),
    [
        ({"rescale_factor": 0}, "rescale_factor", "greater than 0"),
        ({"rescale_factor": 100.5}, "rescale_factor", "less than or equal to 100"),
        ({"rescale_factor": "2"}, "rescale_factor", "send the number 2 without quotes"),
        ({"resize_method": "nearest-exact"}, "resize_method", "'lanczos'"),
        ({"mirror": "none"}, "mirror", "'None'"),
        ({"mirror": "both"}, "mirror", "'horizontal' or 'vertical'"),
        ({"blend_mode": "dissolve"}, "blend_mode", "'linear-light'"),
        ({"blend_mode": 5}, "blend_mode", "'normal'"),
        ({"blend_mode": ["screen"]}, "blend_mode", "a list is not allowed"),
        ({"opacity": 100.1}, "opacity", "less than or equal to 100"),
        ({"opacity": -1}, "opacity", "greater than or equal to 0"),
        ({"x_percent": 999.5}, "x_percent", "less than or equal to 999"),
        ({"y_percent": -1000}, "y_percent", "greater than or equal to -999"),
        ({"x_percent": "50%"}, "x_percent", "send a number without quotes"),
        ({"rotation": 361}, "rotation", "less than or equal to 360"),
        ({"rotation": -360.5}, "rotation", "greater than or equal to -360"),
        ({"rotation": True}, "rotation", "send a number"),
        ({"bg_remove_model": ""}, "bg_remove_model", "at least 1 character"),
        ({"bg_remove_model": "x" * 65}, "bg_remove_model", "at most 64 characters"),
        ({"bg_remove_model": False}, "bg_remove_model", "send it in quotes"),
        ({"mask": "@"}, "mask", "base64"),
        ({"base64": "true"}, "base64", "send true without quotes"),
        ({"invert_mask": True}, "parameters", "invert_mask without mask"),
        ({"image_format": "tiff"}, "image_format", "'jpeg'"),
        ({"image_quality": 0}, "image_quality", "greater than or equal to 1"),
        ({"image_quality": "keep", "image_format": "png"}, "parameters", 'image_quality "keep"'),
        ({"x_offset": 5}, "x_offset", "known are base_image"),
        ({"model": "superimpose"}, "model", "known are base_image"),
        ({"overlay_image": None}, "overlay_image", "must be a string"),
    ],
)
def test_a_fault_of_v2_is_a_400_naming_the_rule(service, params, field, message):
    answer = service.client.post("/v2/superimpose-v2", json=GOOD | params)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")
    assert message in errors(answer)[field]


def test_all_faults_of_a_body_are_in_one_response(service):
    answer = service.client.post(
        "/v2/superimpose",
        json={"base_image": "@", "mask": "data:,", "opacity": 2, "rotation": "x", "colour": 0},
    )

    assert set(errors(answer)) == {"base_image", "overlay_image", "mask", "opacity", "rotation", "colour"}


def test_a_long_value_is_quoted_only_in_part(service):
    answer = service.client.post("/v2/superimpose", json=GOOD | {"image_format": "x" * 100_000})

    assert len(answer.content) < 2000
    assert "xxx" in answer.json()["error"]


def test_null_selects_the_default(service):
    answer = service.client.post("/v2/superimpose", json=GOOD | {"opacity": None, "mask": None})

    assert answer.status_code == 200


def test_all_forms_of_naming_a_picture_are_accepted(service):
    elsewhere = service.url.replace("127.0.0.1", "LOCALHOST").replace("http:", "HTTP:")
    logo = base64.urlsafe_b64encode(CUP).decode().rstrip("=")

    request_id = service.submit(
        base_image=f" {elsewhere}/samples/cup.jpg?x=1\n",
        overlay_image=f"DATA:image/jpeg;name=my%20logo.jpg; BASE64,{logo}",
    )

    assert service.finish(request_id).status_code == 200


def test_a_body_without_the_json_content_type_is_refused(service):
    answer = service.client.post("/v2/superimpose", data=GOOD)

    assert answer.status_code == 400
    assert "application/json" in answer.json()["error"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_40_mb_is_a_413(service, announced):
    body = bytes(40_000_000)
    content = body if announced else (body[at : at + 65536] for at in range(0, len(body), 65536))

    answer = service.client.post(
        "/v2/superimpose", content=content, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert "33,554,432" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/missing.jpg", "fetch_failed"),
        ("/page.html", "fetch_failed"),
        ("/endless", "fetch_failed"),
        ("/huge.jpg", "image_too_large"),
        ("/hangs.jpg", "fetch_failed"),
        ("/text.png", "invalid_image"),
        ("/truncated.jpg", "invalid_image"),
    ],
)
def test_a_url_without_a_picture_fails_and_the_next_request_runs(service, origin, path, code):
    request_id = service.submit(base_image=f"{origin.url}/cup.jpg", overlay_image=origin.url + path)
    answer = service.finish(request_id)

    assert answer.status_code == 422
    body = answer.json()
    assert (body["status"], body["code"], body["request_id"]) == ("FAILED", code, request_id)
    assert body["error"].startswith("overlay_image: ")
    assert "Traceback" not in body["error"]
    assert service.client.get(f"/v2/requests/{request_id}").json() == body
    after = service.submit(base_image=f"{origin.url}/cup.jpg", overlay_image=f"{origin.url}/logo.png")
    assert service.finish(after).status_code == 200


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"I am not a picture", "invalid_image"),
        (CUP[:9000], "invalid_image"),
        (b"\x89PNG\r\n\x1a\n", "invalid_image"),
    ],
)
def test_an_inline_file_that_is_not_a_picture_fails(service, file, code):
    encoded = base64.b64encode(file).decode()

    answer = service.finish(service.submit(base_image=encoded, overlay_image=encoded))

    assert answer.json()["code"] == code
    assert answer.json()["error"].startswith("base_image: ")


def test_an_internal_address_is_refused_without_details(service):
    overlay = f"{service.url}/samples/logo.png"
    refused, unknown = (
        service.finish(service.submit(base_image=f"http://{host}/a.png", overlay_image=overlay)).json()
        for host in ("127.0.0.2:9999", "nowhere.invalid")
    )

    assert refused["code"] == unknown["code"] == "fetch_failed"
    assert refused["error"].replace("127.0.0.2:9999", "nowhere.invalid") == unknown["error"]
