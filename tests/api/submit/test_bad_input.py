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
        (b'{"base_image":"x","overlay_image":"x","opacity":1e999}', "opacity", "finite"),
        (b'{"base_image":"x","overlay_image":"x","opacity":NaN}', "opacity", "finite"),
        (json.dumps({"base_image": "http://0x7f.1/", "opacity": 2}).encode(), "base_image", "is a number"),
    ],
)
def test_a_faulty_body_is_a_400_naming_the_rule(service, body, field, message):
    answer = service.client.post(
        "/v2/superimpose", content=body, headers={"content-type": "application/json"}
    )

    assert_names(answer, field, message)


@pytest.mark.parametrize(
    ("model", "params", "field", "message"),
    [
        ("superimpose", {"colour": 1}, "colour", "known are base_image"),
        ("superimpose", {"rescale_factor": 0}, "rescale_factor", "greater than 0"),
        ("superimpose", {"rescale_factor": 16.5}, "rescale_factor", "less than or equal to 16"),
        ("superimpose", {"rescale_factor": "2"}, "rescale_factor", '"2" is a string; send the number 2'),
        ("superimpose", {"x_offset": "100"}, "x_offset", "send the number 100 without quotes"),
        ("superimpose", {"x_offset": "-5 "}, "x_offset", "send the number -5 without quotes"),
        ("superimpose", {"opacity": "0.5"}, "opacity", "send the number 0.5 without quotes"),
        ("superimpose", {"x_offset": "1.5"}, "x_offset", "send an integer without quotes"),
        ("superimpose", {"opacity": ""}, "opacity", "send a number without quotes, or leave it out"),
        ("superimpose", {"base64": "true"}, "base64", '"true" is a string; send true without'),
        ("superimpose", {"base64": 1}, "base64", "1 is a number; send true or false"),
        ("superimpose", {"opacity": True}, "opacity", "true is a boolean; send a number"),
        ("superimpose", {"width": [5]}, "width", "a list is not allowed"),
        ("superimpose", {"overlay_resize": "fit"}, "overlay_resize", "'Fit'"),
        ("superimpose", {"resize_method": "cubic"}, "resize_method", "'nearest-exact'"),
        ("superimpose", {"width": 0}, "width", "greater than or equal to 1"),
        ("superimpose", {"x_offset": 1.5}, "x_offset", "integer"),
        ("superimpose", {"rotation": 361}, "rotation", "less than or equal to 360"),
        ("superimpose", {"rotation": True}, "rotation", "integer"),
        ("superimpose", {"opacity": -0.1}, "opacity", "greater than or equal to 0"),
        ("superimpose", {"base64": "yes"}, "base64", "send true or false without quotes"),
        ("superimpose", {"image_format": "tiff"}, "image_format", "'jpeg'"),
        ("superimpose", {"image_quality": 101}, "image_quality", "less than or equal to 100"),
        ("superimpose", {"mask": 5}, "mask", "5 is a number; send it in quotes"),
        ("superimpose", {"x_percent": 5, "x_offset": 5}, "parameters", "x_percent and x_offset contradict"),
        ("superimpose", {"invert_mask": True}, "parameters", "invert_mask without mask"),
        ("superimpose", {"base_image": "data:image/png;base64,@"}, "base_image", "base64"),
        ("superimpose", {"overlay_image": ""}, "overlay_image", "empty"),
        ("superimpose", {"mask": "https://shop.example:22/a.png"}, "mask", "port 22"),
        ("superimpose", {"mask": "https://shop.example/a b.png"}, "mask", "a space"),
        ("superimpose-v2", {"rescale_factor": 0}, "rescale_factor", "greater than 0"),
        ("superimpose-v2", {"rescale_factor": 100.5}, "rescale_factor", "less than or equal to 100"),
        ("superimpose-v2", {"rescale_factor": "2"}, "rescale_factor", "send the number 2 without quotes"),
        ("superimpose-v2", {"resize_method": "nearest-exact"}, "resize_method", "'lanczos'"),
        ("superimpose-v2", {"mirror": "none"}, "mirror", "'None'"),
        ("superimpose-v2", {"mirror": "both"}, "mirror", "'horizontal' or 'vertical'"),
        ("superimpose-v2", {"blend_mode": "dissolve"}, "blend_mode", "'linear-light'"),
        ("superimpose-v2", {"blend_mode": 5}, "blend_mode", "'normal'"),
        ("superimpose-v2", {"blend_mode": ["screen"]}, "blend_mode", "a list is not allowed"),
        ("superimpose-v2", {"opacity": 100.1}, "opacity", "less than or equal to 100"),
        ("superimpose-v2", {"opacity": -1}, "opacity", "greater than or equal to 0"),
        ("superimpose-v2", {"x_percent": 999.5}, "x_percent", "less than or equal to 999"),
        ("superimpose-v2", {"y_percent": -1000}, "y_percent", "greater than or equal to -999"),
        ("superimpose-v2", {"x_percent": "50%"}, "x_percent", "send a number without quotes"),
        ("superimpose-v2", {"rotation": 361}, "rotation", "less than or equal to 360"),
        ("superimpose-v2", {"rotation": -360.5}, "rotation", "greater than or equal to -360"),
        ("superimpose-v2", {"rotation": True}, "rotation", "send a number"),
        ("superimpose-v2", {"bg_remove_model": ""}, "bg_remove_model", "at least 1 character"),
        ("superimpose-v2", {"bg_remove_model": "x" * 65}, "bg_remove_model", "at most 64 characters"),
        ("superimpose-v2", {"bg_remove_model": False}, "bg_remove_model", "send it in quotes"),
        ("superimpose-v2", {"mask": "@"}, "mask", "base64"),
        ("superimpose-v2", {"base64": "true"}, "base64", "send true without quotes"),
        ("superimpose-v2", {"invert_mask": True}, "parameters", "invert_mask without mask"),
        ("superimpose-v2", {"image_format": "tiff"}, "image_format", "'jpeg'"),
        ("superimpose-v2", {"image_quality": 0}, "image_quality", "greater than or equal to 1"),
        (
            "superimpose-v2",
            {"image_quality": "keep", "image_format": "png"},
            "parameters",
            'image_quality "keep"',
        ),
        ("superimpose-v2", {"x_offset": 5}, "x_offset", "known are base_image"),
        ("superimpose-v2", {"model": "superimpose"}, "model", "known are base_image"),
        ("superimpose-v2", {"overlay_image": None}, "overlay_image", "must be a string"),
    ],
)
def test_a_faulty_parameter_is_a_400_naming_the_rule(service, model, params, field, message):
    assert_names(service.client.post(f"/v2/{model}", json=GOOD | params), field, message)


def assert_names(answer, field, message):
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")
    assert message in errors(answer)[field]
    assert errors(answer)[field] in answer.json()["error"]


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
