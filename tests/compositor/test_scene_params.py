"""Parameters of scenes: every contradiction has a text, and every fault a path."""

from typing import Any

import pytest
from pydantic import ValidationError

from compositor import SuperimposeRequest
from compositor.models.layer import LayerParams

BASE = {"base_image": "x"}
PICTURES = {**BASE, "overlay_image": "x"}
QUAD = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
REGION = [0.2, 0.2, 0.5, 0.5]
SIZES = {"overlay_resize": "Fit", "rescale_factor": 0.4, "width": 5, "height": 6, "scale_to": 0.3}
PLACES = {"x_offset": 1, "y_offset": 2, "x_percent": 3, "y_percent": 4}
REST = {"gravity": "south", "rotation": 5, "tile": True, "region_fit": "cover"}
OTHERS = {
    "corners": SIZES | PLACES | REST,
    "region": SIZES | PLACES | {"tile": True},
    "color": SIZES | PLACES | REST | {"overlay_image": "x"},
    "displacement_map": {"tile": True},
}
VALUES = {"corners": QUAD, "region": REGION, "color": "#fff", "displacement_map": "x", "opacity": 0.5}
VALUES |= {"mask": "x", "invert_mask": True, "flip": "both", "blend_mode": "screen", "overlay_image": "x"}
VALUES |= {"resize_method": "area", "scale_of": "min", "tile_spacing": 3}
VALUES |= {"displacement_x": 5, "displacement_y": 5, **SIZES, **PLACES, **REST}


def faults(**params: Any) -> dict[str, str]:
    """The error texts by path; empty if the parameters are valid."""
    try:
        SuperimposeRequest.model_validate(params)
    except ValidationError as error:
        return {".".join(map(str, each["loc"])): each["msg"] for each in error.errors()}
    return {}


def texts(**params: Any) -> str:
    return "\n".join(faults(**params).values())


@pytest.mark.parametrize(
    ("one", "other"), [(one, other) for one, others in OTHERS.items() for other in others]
)
@pytest.mark.parametrize("listed", [False, True])
def test_mutually_exclusive_parameters_are_named(one, other, listed):
    """In a layer of several, too."""
    layer = {} if one == "color" else {"overlay_image": "x"}
    layer |= {one: VALUES[one], other: VALUES[other]}
    message = texts(**BASE, overlays=[layer]) if listed else texts(**BASE, **layer)

    if one == "color" and other == "overlay_image":
        one, other = other, one
    assert f"{one} and {other} contradict each other: give one of them" in message


@pytest.mark.parametrize("name", LayerParams.model_fields)
def test_no_parameter_of_an_overlay_is_allowed_beside_overlays(name):
    message = texts(**BASE, overlays=[{"overlay_image": "x"}], **{name: VALUES[name]})

    assert f"{name} and overlays contradict each other: give one of them" in message


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"displacement_map": "x"}, "displacement_map without displacement_x and displacement_y"),
        ({"displacement_x": 5}, "displacement_x without displacement_map: give a map"),
        ({"displacement_y": 5}, "displacement_y without displacement_map: give a map"),
        ({"scale_of": "max"}, "scale_of without scale_to: give scale_to"),
        ({"region_fit": "cover"}, "region_fit without region: give a region"),
    ],
)
def test_a_parameter_that_needs_another_names_it(params, message):
    assert message in texts(**PICTURES, **params)
    assert message in texts(**BASE, overlays=[{"overlay_image": "x", **params}])


@pytest.mark.parametrize(
    "quad",
    [
        [[0.5, 0.5]] * 4,
        [[0, 0], [1, 1], [2, 2], [0.5, 0.5]],
        [[0, 0], [1, 0], [1, 0], [0, 0]],
        [[0, 0], [1, 0], [1, 1e-10], [0, 1e-10]],
        [[0, 0], [1, 1], [1, 0], [0, 1]],
        [[0, 0], [0, 1], [1, 1], [1, 0]],
        [[0, 0], [1, 0], [0.2, 0.2], [0, 1]],
        [[0, 0], [1, 0], [1, 1], [0.5, 0.5]],
    ],
    ids=["a point", "a line", "flat", "nearly flat", "folded", "the other way", "hollow", "a triangle"],
)
def test_corners_that_are_not_a_convex_quadrilateral_are_refused(quad):
    found = faults(**PICTURES, corners=quad)

    assert list(found) == ["corners"]
    assert "must be a convex quadrilateral, clockwise from the top left" in found["corners"]


@pytest.mark.parametrize(
    "quad",
    [
        [[-1, -1], [2, -1], [2, 2], [-1, 2]],
        [[1.5, 1.5], [2, 1.5], [2, 2], [1.5, 2]],
        [[0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]],
        [[0.9, 0.9], [0.1, 0.9], [0.1, 0.1], [0.9, 0.1]],
    ],
    ids=["around the base", "outside", "on its tip", "upside down"],
)
def test_corners_may_lie_anywhere_in_their_bounds(quad):
    assert not faults(**PICTURES, corners=quad)


@pytest.mark.parametrize(
    ("quad", "path"),
    [
        (QUAD[:3], "corners"),
        ([*QUAD, [0, 0.5]], "corners"),
        ([[0.1], *QUAD[1:]], "corners.0"),
        ([*QUAD[:2], [2.1, 0.9], QUAD[3]], "corners.2.0"),
        ([*QUAD[:2], [0.9, -1.1], QUAD[3]], "corners.2.1"),
        ([*QUAD[:3], ["0.1", 0.9]], "corners.3.0"),
        ([*QUAD[:3], [float("nan"), 0.9]], "corners.3.0"),
        ("0 0 1 1", "corners"),
    ],
)
def test_an_invalid_corner_is_named(quad, path):
    assert list(faults(**PICTURES, corners=quad)) == [path]


@pytest.mark.parametrize("color", ["red", "#12", "#12345", "#gggggg", "c02030", "", "#fff\n", 5])
def test_an_invalid_colour_is_named(color):
    assert list(faults(**BASE, color=color)) == ["color"]
    assert list(faults(**BASE, overlays=[{"color": "#fff"}, {"color": color}])) == ["overlays.1.color"]


def test_the_same_fault_in_three_layers_is_reported_three_times():
    layers = [{"overlay_image": "x", "opacity": 2}, {"color": "#fff"}] * 3

    assert list(faults(**BASE, overlays=layers)) == [f"overlays.{index}.opacity" for index in (0, 2, 4)]


def test_seventeen_layers_are_refused():
    assert not faults(**BASE, overlays=[{"color": "#fff"}] * 16)
    assert list(faults(**BASE, overlays=[{"color": "#fff"}] * 17)) == ["overlays"]
