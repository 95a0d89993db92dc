"""Dragging, scaling and rotating the overlay on the preview changes the request."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect


def number(seen, name: str) -> float:
    return float(seen.value(name))


def test_the_offsets_sent_are_the_pixels_dragged(visit):
    seen = visit()
    scale = seen.scale()

    seen.drag("#mover", -150 * scale, 40 * scale)
    body = seen.submit()

    assert abs(body["x_offset"] - (430 - 150)) <= 1
    assert abs(body["y_offset"] - (235 + 40)) <= 1
    assert body["rescale_factor"] == 0.33
    assert body.keys() == {"base_image", "overlay_image", "x_offset", "y_offset", "rescale_factor"}


@pytest.mark.parametrize(
    ("params", "moved"),
    [
        ({"gravity": "southeast", "x_offset": 20, "y_offset": 30}, {"x_offset": 50, "y_offset": 10}),
        ({"x_offset": 0, "x_percent": 50, "y_offset": 0}, {"x_percent": 45, "y_offset": 20}),
    ],
    ids=["from another corner", "in percent"],
)
def test_dragging_keeps_gravity_and_percentages(visit, params, moved):
    seen = visit()
    if gravity := params.pop("gravity", None):
        seen.page.select_option("#p-gravity", gravity)
    seen.fill(**params)

    seen.drag("#mover", -30 * seen.scale(), 20 * seen.scale())

    assert {name: number(seen, name) for name in moved} == pytest.approx(moved, abs=1)


def test_the_corner_scales_and_the_opposite_one_stays(visit):
    seen = visit()
    by = 60 * seen.scale()

    seen.drag("#scaler", -by, -by)

    assert number(seen, "rescale_factor") == pytest.approx((158 - 60) / 480, abs=0.005)
    assert (number(seen, "x_offset"), number(seen, "y_offset")) == pytest.approx((430, 235), abs=1)


ACROSS = {"nw": "se", "ne": "sw", "sw": "ne", "se": "nw"}


def middle(seen, corner: str) -> tuple[float, float]:
    seen.drawn()
    box = seen.page.locator(f'[data-corner="{corner}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("rotation", [0, 110])
def test_every_corner_scales_and_the_opposite_one_stays(visit, rotation):
    seen = visit()
    for corner, across in ACROSS.items():
        seen.fill(x_offset=200, y_offset=100, rotation=rotation, rescale_factor=0.33)
        seen.await_text("#preview-facts", "overlay 158")
        seen.await_text("#preview-facts", "at 200, 100")
        pulled, fixed = middle(seen, corner), middle(seen, across)

        right, down = ((there - here) * 0.5 for here, there in zip(pulled, fixed, strict=True))
        seen.drag(f'[data-corner="{corner}"]', right, down)
        seen.await_text("#preview-facts", "overlay 79")

        assert number(seen, "rescale_factor") == pytest.approx(0.165, abs=0.003)
        assert middle(seen, across) == pytest.approx(fixed, abs=2)


def test_a_small_overlay_is_moved_by_its_middle_and_scaled_by_its_corners(visit):
    seen = visit()
    seen.fill(rescale_factor=0.05)
    seen.await_text("#preview-facts", "overlay 24")
    under = "([x, y]) => document.elementFromPoint(x, y).dataset.corner ?? document.elementFromPoint(x, y).id"
    box = seen.page.locator("#frame").bounding_box()

    assert seen.page.evaluate(under, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]) == "mover"
    assert [seen.page.evaluate(under, middle(seen, corner)) for corner in ACROSS] == list(ACROSS)


def test_fields_without_effect_are_disabled_and_not_sent(visit):
    seen = visit()
    seen.open_groups()
    off = [name for name in ("width", "height", "tile_spacing") if seen.page.is_disabled(f"#p-{name}")]
    assert off == ["width", "height", "tile_spacing"]

    seen.page.select_option("#p-overlay_resize", "Resize to width & heigth")
    seen.fill(width=300, height=200)
    boxes = [seen.page.locator(f"#p-{name}").bounding_box() for name in ("width", "height")]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert seen.page.is_disabled("#p-rescale_factor")
    seen.await_text("#preview-facts", "overlay 300")
    assert {"width": 300, "height": 200}.items() <= seen.submit().items()
    seen.await_result()

    seen.page.select_option("#p-overlay_resize", "Fit")
    seen.page.select_option("#p-image_format", "png")
    assert seen.page.is_disabled("#p-image_quality")
    assert seen.submit().keys().isdisjoint({"width", "height", "rescale_factor"})


def test_the_rotator_rotates_about_the_centre(visit):
    seen = visit()
    box = seen.page.locator("#frame").bounding_box()
    knob = seen.page.locator("#rotator").bounding_box()
    reach = box["y"] + box["height"] / 2 - (knob["y"] + knob["height"] / 2)

    seen.drag("#rotator", -reach, reach)  # from the top to the left: counter-clockwise

    assert number(seen, "rotation") == pytest.approx(90, abs=1)
    assert (number(seen, "x_offset"), number(seen, "y_offset")) == pytest.approx((430, 235), abs=3)
    expect(seen.page.locator("#rotator")).to_have_attribute("aria-valuenow", seen.value("rotation"))


def test_arrow_keys_move_scale_and_rotate(visit):
    seen = visit()

    seen.page.press("#mover", "ArrowLeft")
    seen.page.press("#mover", "Shift+ArrowDown")
    assert (seen.value("x_offset"), seen.value("y_offset")) == ("429", "245")
    seen.page.press("#scaler", "Shift+ArrowRight")
    assert number(seen, "rescale_factor") == pytest.approx(168 / 480, abs=0.001)
    seen.page.press("#rotator", "Shift+ArrowUp")
    assert seen.value("rotation") == "10"
    seen.await_text("#announcer", "168 by 168 pixels, rotated by 10 degrees")


def test_fields_move_the_frame_and_sliders_follow_them(visit):
    seen = visit()
    before = seen.page.locator("#frame").bounding_box()

    seen.fill(x_offset=130, opacity=0.25)
    seen.await_text("#preview-facts", "at 130, 235")

    after = seen.page.locator("#frame").bounding_box()
    assert after["x"] - before["x"] == pytest.approx(-300 * seen.scale(), abs=1)
    assert seen.page.input_value('[data-for="opacity"]') == "0.25"

    seen.page.fill('[data-for="opacity"]', "0.5")
    assert seen.value("opacity") == "0.5"


def test_fit_centre_and_reset(visit):
    seen = visit()

    seen.page.click("#fit")
    assert (seen.value("overlay_resize"), seen.value("x_offset"), seen.value("y_offset")) == (
        "Fit",
        "100",
        "0",
    )
    seen.page.click("#reset")
    assert (seen.value("overlay_resize"), seen.value("x_offset")) == ("Resize by rescale_factor", "430")
    seen.page.click("#centre")
    assert (seen.value("x_offset"), seen.value("y_offset")) == ("221", "121")


@pytest.mark.parametrize(
    "size", [(300, 200), (1200, 800), (300, 800)], ids=["smaller", "larger", "other shape"]
)
def test_on_another_base_the_overlay_keeps_its_relative_place_and_size(visit, size):
    seen = visit()
    seen.choose("base_image", "other.png", plain(size))
    seen.await_text("#preview-facts", str(size[0]))

    body = seen.submit()

    by = min(size[0] / 600, size[1] / 400)  # of the sample, on which the overlay is 158 x 158 at 430, 235
    assert body["rescale_factor"] == pytest.approx(0.33 * by, abs=0.005)
    side = int(480 * body["rescale_factor"])
    assert (body["x_offset"] + side / 2) / size[0] == pytest.approx((430 + 79) / 600, abs=0.01)
    assert (body["y_offset"] + side / 2) / size[1] == pytest.approx((235 + 79) / 400, abs=0.01)


def test_on_another_base_relative_sizes_stay_and_an_overlay_outside_moves_inside(visit):
    seen = visit()
    seen.fill(scale_to=0.5, x_offset=5000, y_offset=-3000)
    seen.choose("base_image", "other.png", plain((300, 200)))
    seen.await_text("#preview-facts", "300 \u00d7 200")

    assert (seen.value("scale_to"), seen.value("x_offset"), seen.value("y_offset")) == ("0.5", "150", "0")


def test_back_on_the_first_base_the_overlay_is_where_it_was(visit):
    seen = visit()
    seen.fill(x_offset=-31, y_offset=217, rescale_factor=0.31)
    placed = {name: seen.value(name) for name in ("x_offset", "y_offset", "rescale_factor")}

    for width, height in ((47, 29), (90, 160)):
        seen.choose("base_image", "other.png", plain((width, height)))
        seen.await_text("#preview-facts", f"{width} \u00d7 {height}")
    seen.page.click('[data-field="base_image"] [data-sample]')
    seen.await_text("#preview-facts", "600 \u00d7 400")

    assert {name: seen.value(name) for name in placed} == placed


def test_an_overlay_moved_on_the_second_base_keeps_its_place_from_there(visit):
    seen = visit()
    seen.choose("base_image", "other.png", plain((300, 200)))
    seen.await_text("#preview-facts", "300 \u00d7 200")
    seen.fill(x_offset=0, y_offset=0)
    seen.page.click('[data-field="base_image"] [data-sample]')
    seen.await_text("#preview-facts", "600 \u00d7 400")

    assert (number(seen, "x_offset"), number(seen, "y_offset")) == pytest.approx((0, 0), abs=1)


def test_an_overlay_entirely_outside_the_base_is_noted(visit):
    seen = visit()
    assert "entirely outside" not in seen.page.inner_text("#notes")

    seen.fill(x_offset=600)

    seen.await_text("#notes", "entirely outside the base")


def plain(size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(out, "PNG")
    return out.getvalue()
