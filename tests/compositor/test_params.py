"""The parameter model: accepted and refused values, and the texts."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from compositor import SuperimposeParams, SuperimposeRequest

PICTURES = {"base_image": "https://example.com/a.png", "overlay_image": "https://example.com/b.png"}


def test_the_model_loads_without_a_decoder_or_numpy() -> None:
    code = (
        "import sys; from compositor import SuperimposeParams, SuperimposeRequest;"
        "print(sorted({'PIL', 'numpy', 'fpng', 'kornia_rs'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_name_in_the_package_is_an_attribute_error() -> None:
    import compositor

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = compositor.nothing


def test_the_library_needs_no_picture_parameters_but_accepts_them() -> None:
    assert SuperimposeParams(x_offset=3).x_offset == 3
    assert SuperimposeParams(**PICTURES, x_offset=3).base_image == PICTURES["base_image"]


def test_a_request_requires_both_pictures() -> None:
    with pytest.raises(ValidationError) as caught:
        SuperimposeRequest.model_validate({})
    assert {error["loc"] for error in caught.value.errors()} == {("base_image",), ("overlay_image",)}


def test_defaults_are_those_of_the_public_page() -> None:
    given = SuperimposeRequest(**PICTURES).model_dump()
    public = {
        "mask": None,
        "base64": False,
        "rescale_factor": 1,
        "overlay_resize": "Resize by rescale_factor",
        "resize_method": "nearest-exact",
        "width": 1024,
        "height": 1024,
        "x_offset": 0,
        "y_offset": 0,
        "rotation": 0,
        "opacity": 1,
        "image_format": "jpeg",
        "image_quality": 95,
    }
    assert {name: given[name] for name in public} == public


@pytest.mark.parametrize("name", sorted(set(SuperimposeParams.model_fields) - set(PICTURES)))
def test_null_means_the_default(name: str) -> None:
    assert SuperimposeRequest.model_validate({**PICTURES, name: None}) == SuperimposeRequest(**PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_null_for_a_required_picture_is_refused(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SuperimposeRequest.model_validate({**PICTURES, name: None})
    assert caught.value.errors()[0]["loc"] == (name,)


@pytest.mark.parametrize(
    ("name", "value"),
    [("x_offset", 5.0), ("rotation", 360), ("rescale_factor", 1), ("rescale_factor", 16), ("opacity", 0)],
)
def test_a_whole_json_float_is_accepted_as_an_integer(name: str, value: Any) -> None:
    assert getattr(SuperimposeParams.model_validate({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x_offset", "5"),
        ("x_offset", True),
        ("x_offset", 5.5),
        ("x_offset", 10**9),
        ("y_offset", -(10**9)),
        ("x_offset", 1e300),
        ("rescale_factor", 0),
        ("rescale_factor", -1),
        ("rescale_factor", 16.1),
        ("rescale_factor", float("nan")),
        ("rescale_factor", float("inf")),
        ("rescale_factor", "0.4"),
        ("rescale_factor", True),
        ("overlay_resize", "fit"),
        ("resize_method", "bicubic"),
        ("width", 0),
        ("height", 16_385),
        ("rotation", -1),
        ("rotation", 361),
        ("rotation", 1.5),
        ("opacity", 1.01),
        ("opacity", -0.01),
        ("base64", "true"),
        ("base64", 1),
        ("image_format", "tiff"),
        ("image_quality", 0),
        ("image_quality", 101),
        ("mask", 5),
        ("blend_mode", "dissolve"),
        ("gravity", "middle"),
        ("x_percent", float("nan")),
        ("scale_to", 0),
        ("flip", True),
        ("tile", "yes"),
        ("background", "white"),
        ("background", "#ffff"),
        ("background", "#ffffff\n"),
        ("overlay", 1),
    ],
)
def test_an_invalid_value_is_refused_with_the_parameters_name(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        SuperimposeParams.model_validate({name: value})
    assert [error["loc"] for error in caught.value.errors()] == [(name,)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x_percent": 5}, {"x_offset": 5}),
        ({"y_percent": 5}, {"y_offset": -5}),
        ({"scale_to": 0.5}, {"overlay_resize": "Fit"}),
        ({"scale_to": 0.5}, {"rescale_factor": 0.4}),
        ({"tile": True}, {"gravity": "south"}),
    ],
)
def test_a_contradiction_is_refused_naming_both(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert SuperimposeParams(**one)
    assert SuperimposeParams(**other)
    with pytest.raises(ValidationError, match=f"{next(iter(one))} and {next(iter(other))} contradict"):
        SuperimposeParams(**one, **other)


def test_every_contradiction_of_a_body_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        SuperimposeParams(x_percent=1, x_offset=1, y_percent=1, y_offset=1)
    assert "x_percent" in str(caught.value)
    assert "y_percent" in str(caught.value)


def test_spacing_needs_tiles_and_an_inverted_mask_needs_a_mask() -> None:
    with pytest.raises(ValidationError, match="tile_spacing without tile"):
        SuperimposeParams(tile_spacing=4)
    with pytest.raises(ValidationError, match="invert_mask without mask"):
        SuperimposeRequest(**PICTURES, invert_mask=True)
    assert SuperimposeParams(invert_mask=True)  # the library gets its mask as bytes


@pytest.mark.parametrize("name", SuperimposeRequest.model_fields)
def test_every_parameter_has_a_description_and_an_example_for_the_docs(name: str) -> None:
    schema = SuperimposeRequest.model_json_schema()["properties"][name]
    assert schema["description"].endswith(".")
    assert schema["examples"]


@pytest.mark.parametrize("name", ["width", "x_offset", "rotation", "tile_spacing"])
def test_the_schema_has_the_bounds(name: str) -> None:
    schema = SuperimposeRequest.model_json_schema()["properties"][name]
    assert schema["type"] == "integer"
    assert schema["minimum"] < schema["maximum"]
