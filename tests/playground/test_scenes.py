"""Scenes of several layers built on the page: the submitted body and the resulting picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import jobs.pictures.samples
from compositor import SuperimposeRequest, render
from tests.playground.conftest import DESK, PHONE
from tests.playground.test_page import assert_accessible
from tests.playground.test_preview import file, smooth
from tests.playground.test_submitting import ask_for, run_as_copied

SAMPLES = Path(jobs.pictures.samples.__path__[0])
TOP, SECOND, THIRD = (f"#layers li:nth-child({at})" for at in (1, 2, 3))


def chosen(seen, name, path):
    """Choose a file with the mouse, and wait until it is shown."""
    with seen.page.expect_file_chooser() as chooser:
        seen.page.click(f'[data-field="{name}"] label.button')
    chooser.value.set_files(path)
    seen.await_text(f'[data-field="{name}"] .about', path.name)


def sampled(seen, name, file_name):
    """Choose the sample with the mouse, and wait until it is shown."""
    seen.page.click(f'[data-field="{name}"] [data-sample]')
    seen.await_text(f'[data-field="{name}"] .about', file_name)


def dragged(seen, start, end):
    """Drag from point to point of the base, in fractions."""
    seen.drawn()
    box = seen.page.locator("#board").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    seen.page.mouse.move(*points[0])
    seen.page.mouse.down()
    seen.page.mouse.move(*points[1], steps=6)
    seen.page.mouse.up()


def drawn_region(seen, region):
    left, top, width, height = region
    seen.page.click("#region-tool")
    dragged(seen, (left, top), (left + width, top + height))
    seen.page.wait_for_selector("#sketch", state="hidden")


def dragged_below(seen, row, other):
    seen.drawn()
    seen.page.locator(row).scroll_into_view_if_needed()
    under = seen.page.locator(other).bounding_box()
    grip = seen.page.locator(f"{row} .grip").bounding_box()
    seen.drag(f"{row} .grip", 0, under["y"] + under["height"] - 4 - (grip["y"] + grip["height"] / 2))


def assert_layers(seen, *names):
    """Wait until the list shows these layers, the topmost first."""
    seen.expect_text("#layers b", list(names))


def await_selected(seen, row):
    seen.page.wait_for_selector(f"{row} .layer-name[aria-pressed=true]")


def as_png(seen):
    seen.page.select_option("#p-image_format", "png")


def levels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def assert_rendered(seen, service, body, files, model=SuperimposeRequest):
    """The result equals the library's rendering of the same scene."""
    seen.await_result()
    got = service.client.get(f"/{seen.page.get_attribute('#result', 'src')}").content
    inputs = {name: (SAMPLES / each).read_bytes() for name, each in files.items()}
    made = render(model(**body).scene(), inputs)
    assert np.array_equal(levels(got), levels(made.data))


def test_a_tinted_shirt_with_a_warped_and_displaced_print_can_be_built_by_mouse(visit, service):
    seen = visit()
    page = seen.page
    seen.open_groups()
    chosen(seen, "base_image", SAMPLES / "tshirt.jpg")
    chosen(seen, "overlay_image", SAMPLES / "print.png")

    page.click("[data-add=colour]")
    seen.fill(color="#1f4e79")
    page.select_option("#p-blend_mode", "multiply")
    chosen(seen, "mask", SAMPLES / "tshirt-mask.png")
    assert_layers(seen, "#1f4e79", "print.png")
    dragged_below(seen, TOP, SECOND)
    assert_layers(seen, "print.png", "#1f4e79")

    page.click(f"{TOP} .layer-name")
    await_selected(seen, TOP)
    page.click("#centre")
    page.click("#warp")
    target = [(0.34, 0.3), (0.67, 0.31), (0.66, 0.66), (0.33, 0.65)]
    before = [[float(each) for each in pair.split()] for pair in seen.value("corners").split(",")]
    for start, end in zip(before, target, strict=True):
        dragged(seen, start, end)
    chosen(seen, "displacement_map", SAMPLES / "tshirt-displacement.png")
    seen.fill(displacement_x=12, displacement_y=9)
    as_png(seen)
    body = seen.submit()

    tint, design = body["overlays"]
    assert (tint["color"], tint["blend_mode"], "overlay_image" in tint) == ("#1f4e79", "multiply", False)
    assert np.abs(np.array(design["corners"]) - target).max() < 0.005
    assert design.keys() == {
        "overlay_image",
        "displacement_map",
        "corners",
        "displacement_x",
        "displacement_y",
    }
    files = {
        "base_image": "tshirt.jpg",
        "overlays[0].mask": "tshirt-mask.png",
        "overlays[1].overlay_image": "print.png",
        "overlays[1].displacement_map": "tshirt-displacement.png",
    }
    assert_rendered(seen, service, body, files)
    assert seen.complaints == []


def test_a_watermark_grid_under_a_logo_can_be_built_by_mouse(visit, service):
    seen = visit()
    page = seen.page
    seen.open_groups()
    page.check("#p-tile")
    seen.fill(tile_spacing=16, opacity=0.4, rotation=30)
    page.click("[data-add=picture]")
    assert_layers(seen, "No picture yet", "logo.png")
    sampled(seen, "overlay_image", "logo.png")
    page.wait_for_selector("#frame:not([hidden])")
    seen.drag("#mover", 100 * seen.scale(), 60 * seen.scale())
    as_png(seen)
    body = seen.submit()

    grid, logo = body["overlays"]
    assert (grid["tile"], grid["tile_spacing"], grid["rotation"]) == (True, 16, 30)
    assert (logo["x_offset"], logo["y_offset"]) == pytest.approx((100, 60), abs=1)
    files = {"base_image": "cup.jpg"}
    files |= {f"overlays[{index}].overlay_image": "logo.png" for index in range(2)}
    assert_rendered(seen, service, body, files)


def test_a_collage_can_be_built_by_mouse(visit, service):
    seen = visit()
    page = seen.page
    seen.open_groups()
    page.click(f"{TOP} [data-do=duplicate]")
    page.click("[data-add=colour]")
    page.click("[data-add=picture]")
    chosen(seen, "overlay_image", SAMPLES / "tshirt.jpg")
    assert_layers(seen, "tshirt.jpg", "#c02030", "logo.png", "logo.png")

    shirt = [0.05, 0.1, 0.4, 0.8]
    drawn_region(seen, shirt)
    page.select_option("#p-region_fit", "cover")
    page.click(f"{THIRD} .layer-name")
    drawn_region(seen, [0.55, 0.1, 0.4, 0.3])
    page.click(f"{SECOND} .layer-name")
    drawn_region(seen, [0.5, 0.05, 0.3, 0.4])
    dragged(seen, (0.6, 0.2), (0.65, 0.25))  # moves the box
    dragged(seen, (0.85, 0.5), (0.95, 0.95))  # resizes the box
    dragged_below(seen, SECOND, THIRD)
    assert_layers(seen, "tshirt.jpg", "logo.png", "#c02030", "logo.png")
    page.click("#layers li:nth-child(4) [data-do=remove]")
    assert_layers(seen, "tshirt.jpg", "logo.png", "#c02030")
    as_png(seen)
    body = seen.submit()

    regions = [layer["region"] for layer in body["overlays"]]
    assert np.abs(np.array(regions) - [[0.55, 0.1, 0.4, 0.85], [0.55, 0.1, 0.4, 0.3], shirt]).max() < 0.01
    assert [layer.get("region_fit") for layer in body["overlays"]] == [None, None, "cover"]
    files = {
        "base_image": "cup.jpg",
        "overlays[1].overlay_image": "logo.png",
        "overlays[2].overlay_image": "tshirt.jpg",
    }
    assert_rendered(seen, service, body, files)


@pytest.mark.parametrize("name", ["shirt", "watermark", "collage"])
def test_an_example_scene_is_shown_and_submitted(visit, service, name):
    seen = visit()
    seen.page.click(f"[data-scene={name}]")
    body = seen.submit()
    seen.await_result()

    assert len(body["overlays"]) == seen.page.locator("#layers li").count() > 1
    assert seen.page.get_attribute(f"[data-scene={name}]", "aria-pressed") == "true"
    seen.page.click("[data-scene=cup]")
    assert seen.submit().keys() >= {"overlay_image", "x_offset", "rescale_factor"}
    assert seen.complaints == []


def test_layers_can_be_reordered_hidden_duplicated_and_removed_by_keys(visit):
    seen = visit()
    page = seen.page
    page.press("[data-add=colour]", "Enter")
    seen.await_text("#announcer", "Colour layer added")
    expect(page.locator("#p-color")).to_be_focused()
    assert_layers(seen, "#c02030", "logo.png")

    page.press(f"{TOP} .grip", "ArrowDown")
    seen.await_text("#announcer", "#c02030: layer 1 of 2")
    assert_layers(seen, "logo.png", "#c02030")
    expect(page.locator("[aria-label='Move #c02030']")).to_be_focused()
    page.keyboard.press("ArrowUp")
    seen.await_text("#announcer", "layer 2 of 2")
    assert_layers(seen, "#c02030", "logo.png")

    page.press(f"{TOP} [data-do=toggle]", "Enter")
    page.wait_for_selector(f"{TOP} [data-do=toggle][aria-pressed=true]")
    assert seen.submit().keys() == {"base_image", "overlay_image", "rescale_factor", "x_offset", "y_offset"}
    seen.await_result()

    page.press(f"{SECOND} [data-do=toggle]", "Enter")
    page.press("#submit", "Enter")
    seen.await_text("#form-error", "Every layer is hidden")
    page.press(f"{SECOND} [data-do=toggle]", "Enter")
    page.press(f"{SECOND} [data-do=duplicate]", "Enter")
    seen.await_text("#announcer", "logo.png duplicated")
    assert_layers(seen, "#c02030", "logo.png", "logo.png")
    seen.fill(opacity=0.5)
    page.press(f"{TOP} [data-do=remove]", "Enter")
    seen.await_text("#announcer", "#c02030 removed")
    assert_layers(seen, "logo.png", "logo.png")
    opacities = [layer.get("opacity") for layer in seen.submit()["overlays"]]
    assert opacities == [None, 0.5]


def test_corners_and_regions_can_be_moved_by_keys(visit):
    seen = visit()
    page = seen.page
    seen.open_groups()
    seen.fill(region="0.5 0.5 0.25 0.25")
    seen.drawn()
    page.press("#mover", "Shift+ArrowRight")
    page.press("#scaler", "ArrowLeft")
    assert seen.value("region").startswith("0.5167, 0.5, 0.248")

    seen.fill(region="")
    seen.fill(corners="0.25 0.25, 0.75 0.25, 0.75 0.75, 0.25 0.75")
    page.wait_for_selector("#quad-frame:not([hidden])")
    page.press(".pin >> nth=2", "Shift+ArrowDown")
    assert seen.value("corners") == "0.25 0.25, 0.75 0.25, 0.75 0.775, 0.25 0.75"
    page.press("#inside", "ArrowLeft")
    assert seen.value("corners").startswith("0.2483 0.25, 0.7483 0.25")
    seen.await_text("#announcer", "Corners at 25, 25")

    page.click("#warp")
    assert (seen.value("corners"), seen.value("x_offset")) == ("", "430")


def test_corners_cannot_be_dragged_to_values_that_the_service_refuses(visit):
    seen = visit()
    seen.open_groups()
    seen.fill(corners="0.2 0.2, 0.8 0.2, 0.8 0.8, 0.2 0.8")
    seen.page.wait_for_selector("#quad-frame:not([hidden])")

    dragged(seen, (0.2, 0.2), (0.7, 0.7))

    assert seen.page.inner_text("#p-corners-error") == ""
    assert {"corners"} <= seen.submit().keys()
    seen.await_result()


def test_a_fault_of_a_layer_selects_it_and_is_shown_at_its_field(visit):
    seen = visit()
    page = seen.page
    seen.fill(rotation=400)
    page.click("[data-add=picture]")
    assert_layers(seen, "No picture yet", "logo.png")
    sampled(seen, "overlay_image", "logo.png")
    assert page.inner_text("#p-rotation-error") == ""
    seen.await_text(SECOND, "has an error")
    page.click("#submit")

    assert seen.error("rotation").startswith("400 is not allowed")
    await_selected(seen, SECOND)
    expect(page.locator("#p-rotation")).to_be_focused()
    page.click(f"{TOP} .layer-name")
    assert page.inner_text("#p-rotation-error") == ""
    page.click(f"{SECOND} .layer-name")
    seen.fill(rotation=40)
    assert page.inner_text("#p-rotation-error") == ""
    page.locator("#layers .at-fault").wait_for(state="detached")


def test_contradictions_and_failures_of_a_layer_are_shown_at_its_fields(visit, origin):
    seen = visit()
    page = seen.page
    seen.fill(x_percent=5)
    page.click("[data-add=picture]")
    assert_layers(seen, "No picture yet", "logo.png")
    sampled(seen, "overlay_image", "logo.png")
    page.click("#submit")
    assert "x_offset" in seen.error("x_percent")
    await_selected(seen, SECOND)

    seen.fill(x_percent="")
    ask_for(seen, "overlay_image", f"{origin.url}/nothing.png")
    seen.await_text('[data-field="overlay_image"] .about', "fetched by the service")
    page.click(f"{TOP} .layer-name")
    page.click("#submit")
    assert seen.error("overlay_image")
    await_selected(seen, SECOND)
    assert seen.run_text().startswith("FAILED because of overlay_image")


def test_a_layer_without_a_picture_is_not_submitted(visit):
    seen = visit()
    seen.page.click("[data-add=picture]")
    seen.page.click(f"{SECOND} .layer-name")
    seen.page.click("#submit")

    assert seen.error("overlay_image") == "Choose a picture."
    await_selected(seen, TOP)
    assert seen.submitted() == []


def test_the_code_of_a_scene_runs_as_copied(visit, tmp_path):
    name = "it's $mine.png"
    (tmp_path / name).write_bytes(file(smooth((40, 30), 6, True)))
    seen = visit()
    seen.page.click("[data-add=picture]")
    seen.choose("overlay_image", name, (tmp_path / name).read_bytes())
    seen.await_text('[data-field="overlay_image"] .about', name)
    drawn_region(seen, [0.1, 0.1, 0.3, 0.3])
    seen.await_text("#code", "region")

    for _, _, output in run_as_copied(seen, tmp_path):
        assert '"status":"QUEUED"' in output.replace(" ", "") or "/pictures/" in output


def test_a_recent_request_restores_its_scene_except_files(visit, own_key):
    seen = visit(key=own_key)
    page = seen.page
    page.click("[data-add=colour]")
    page.select_option("#p-blend_mode", "screen")
    page.click("[data-add=picture]")
    seen.choose("overlay_image", "mine.png", file(smooth((40, 30), 6, True)))
    seen.await_text('[data-field="overlay_image"] .about', "mine.png")
    body = seen.submit()
    seen.await_result()

    page.click(f"{SECOND} [data-do=remove]")
    assert_layers(seen, "mine.png", "logo.png")
    seen.fill(opacity=0.1)
    page.locator("#recent li button").click()
    assert_layers(seen, "mine.png", "#c02030", "logo.png")
    assert seen.submit() == body
    expect(page.locator("#recent li")).to_have_count(2)

    page.reload()
    page.wait_for_selector("#frame:not([hidden])")
    page.locator("#recent li button >> nth=0").click()
    assert_layers(seen, "No picture yet", "#c02030", "logo.png")
    assert seen.error("overlay_image") == "mine.png was a local file: choose it again"


@pytest.mark.parametrize(("scheme", "device"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing_in_scenes(visit, scheme, device):
    seen = visit(color_scheme=scheme, **device)
    for name in ("collage", "shirt"):
        seen.page.click(f"[data-scene={name}]")
        seen.drawn()
        expect(seen.page.locator("#layers b", has_text="No picture yet")).to_have_count(0)
        seen.open_groups()
        assert_accessible(seen.page)
