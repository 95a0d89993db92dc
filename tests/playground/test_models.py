"""Choosing a model: its fields, preview, request, code and recent requests."""

import base64
import json
import random
import shlex
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field, ValidationError

from api.pages import routes as pages
from compositor import render
from compositor.layers.rotate import Turn
from compositor.models import MODELS
from compositor.models.superimpose_v2 import SuperimposeV2Request
from jobs.config.settings import Settings
from tests.playground.conftest import DESK, PHONE, READY
from tests.playground.test_bad_input import TYPED, around
from tests.playground.test_page import serious
from tests.playground.test_preview import DRAWN, FILES, PLACED, file, pixels, sized, smooth
from tests.playground.test_scenes import assert_layers, assert_rendered
from tests.playground.test_submitting import RUNNERS, needs_curl, pasted

V2 = "superimpose-v2"
NAMED = {"base_image": "base.png", "overlay_image": "overlay.png"}
TERMS = """async (all) => {
  const { PREVIEW_PARAMS } = await import("/assets/0/scene/models.js");
  return all.map(PREVIEW_PARAMS["superimpose-v2"]);
}"""
NUDGED = """async (cases) => {
  const { offsetsFor, placement } = await import("/assets/0/canvas/geometry.js");
  return cases.map(([params, overlay, base]) => {
    const { corner, turned } = placement(params, overlay, base);
    const moved = offsetsFor(params, { x: corner.x + 1, y: corner.y - 1 }, turned, base);
    const after = placement({ ...params, ...moved }, overlay, base).corner;
    return [after.x - corner.x, after.y - corner.y];
  });
}"""


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_chosen_by_name_and_has_a_field_for_each_of_its_parameters(visit, model):
    seen = visit()
    assert seen.page.locator("#model option").all_inner_texts() == list(MODELS)
    seen.use(model)

    fields = seen.page.eval_on_selector_all(
        "#parameters [data-field]", "all => all.map(({ dataset }) => dataset.field)"
    )
    assert sorted(fields) == sorted(MODELS[model].model_fields.keys() - {"overlays"} | {"webhook_url"})
    assert seen.page.is_visible("#layers") == (model == "superimpose")
    assert seen.complaints == []


def test_another_model_shows_the_same_picture_and_is_submitted_with_its_own_parameters(visit, service):
    seen = visit()
    before = seen.page.inner_text("#preview-facts")
    seen.use(V2)
    assert seen.page.inner_text("#preview-facts") == before

    seen.fill(opacity=80, rotation=-12.5)
    seen.page.select_option("#p-mirror", "horizontal")
    seen.page.select_option("#p-blend_mode", "vivid-light")
    seen.page.select_option("#p-image_format", "png")
    seen.await_text("#notes", "The blend mode shows only in the result.")
    body = seen.submit(V2)

    assert body.keys() == {
        *("base_image", "overlay_image", "rescale_factor", "x_percent", "y_percent"),
        *("opacity", "rotation", "mirror", "blend_mode", "image_format"),
    }
    assert body["rescale_factor"] == pytest.approx(0.33, abs=0.003)
    assert_rendered(
        seen, service, body, {"base_image": "cup.jpg", "overlay_image": "logo.png"}, SuperimposeV2Request
    )
    assert seen.complaints == []


def test_the_overlay_of_v2_can_be_dragged_scaled_rotated_centred_and_fitted(visit):
    seen = visit()
    seen.use(V2)
    at = {name: float(seen.value(name)) for name in ("x_percent", "y_percent")}
    seen.drag("#mover", -120 * seen.scale(), 40 * seen.scale())
    assert float(seen.value("x_percent")) == pytest.approx(at["x_percent"] - 20, abs=0.3)
    assert float(seen.value("y_percent")) == pytest.approx(at["y_percent"] + 10, abs=0.3)

    centre = seen.value("x_percent"), seen.value("y_percent")
    seen.page.press("#rotator", "Shift+ArrowRight")
    seen.page.press("#scaler", "Shift+ArrowRight")
    assert seen.value("rotation") == "10"
    assert float(seen.value("rescale_factor")) == pytest.approx((158 + 10) / 480, abs=0.003)
    assert (seen.value("x_percent"), seen.value("y_percent")) == centre

    seen.page.click("[data-tool=centre]")
    assert (seen.value("x_percent"), seen.value("y_percent")) == ("50", "50")
    seen.fill(rotation=0)
    seen.page.click("[data-tool=fit]")
    assert float(seen.value("rescale_factor")) == pytest.approx(400 / 480, abs=0.003)
    assert not seen.page.is_visible("[data-tool=warp]")


def test_on_another_base_the_overlay_of_v2_keeps_its_relative_place_and_size(visit):
    seen = visit()
    seen.use(V2)
    seen.fill(x_percent=25, y_percent=60, rescale_factor=0.4)
    seen.choose("base_image", "half.png", file(smooth((300, 200), 8, True)))
    seen.await_text("#preview-facts", "300 \u00d7 200")

    assert [seen.value(name) for name in ("x_percent", "y_percent", "rescale_factor")] == ["25", "60", "0.2"]


def test_layers_and_output_are_kept_while_another_model_is_selected(visit):
    seen = visit()
    page = seen.page
    page.click("[data-add=colour]")
    seen.fill(opacity=0.4)
    seen.fill(background="#abc")
    before = seen.submit()
    page.click("#region-tool")

    seen.use(V2)
    assert (seen.value("opacity"), seen.value("background")) == ("100", "#abc")
    assert not page.is_visible("#sketch")
    seen.fill(opacity=70)
    seen.use("superimpose")
    assert_layers(seen, "#c02030", "logo.png")
    assert seen.value("opacity") == "0.4"
    assert seen.submit() == before
    seen.use(V2)
    assert seen.value("opacity") == "70"


def test_a_recent_request_restores_its_model(visit):
    seen = visit()
    seen.use(V2)
    seen.choose("overlay_image", "mine.png", file(smooth((40, 30), 6, True)))
    seen.await_text('[data-field="overlay_image"] .about', "mine.png")
    seen.fill(rotation=33.5, x_percent=20)
    body = seen.submit(V2)
    seen.await_result()
    seen.use("superimpose")

    seen.page.click("#recent button")
    seen.await_text('[data-field="overlay_image"] .about', "mine.png")
    assert seen.page.input_value("#model") == V2
    assert seen.submit(V2) == body
    seen.await_result()


def test_the_code_names_the_model_and_runs_as_copied(visit, tmp_path):
    seen = visit()
    seen.use(V2)
    seen.fill(background="#abc", rotation=10)
    seen.drawn()
    url, *_, body = shlex.split(seen.page.inner_text("#code"))[3:]
    assert url.endswith(f"/v2/{V2}")
    assert {name: value for name, value in json.loads(body).items() if value is not None} == seen.submit(V2)

    for language, runner in RUNNERS.items():
        if language == "curl":
            needs_curl()
        seen.page.click(f"[data-language={language}]")
        code = seen.page.inner_text("#code")
        assert V2 in code
        done = pasted(runner, code, tmp_path)
        assert done.returncode == 0, done.stderr
        assert '"status":"QUEUED"' in done.stdout.replace(" ", "") or "/pictures/" in done.stdout


def test_warnings_are_shown_with_the_result(visit):
    seen = visit()
    seen.use(V2)
    seen.fill(bg_remove_model="Bria")
    seen.await_text("#notes", "background is removed only in the result")
    seen.submit(V2)
    seen.await_result()

    assert "bg_remove_model: no remover is configured" in seen.run_text()


def refused(name: str, value: object) -> bool:
    try:
        SuperimposeV2Request(**{**NAMED, "mask": "mask.png", name: value})
    except ValidationError:
        return True
    return False


def test_fields_of_v2_refuse_exactly_what_the_service_would_refuse(visit):
    schemas = SuperimposeV2Request.model_json_schema()["properties"]
    cases = [(name, value) for name, rule in schemas.items() if "maximum" in rule for value in around(rule)]
    seen = visit()
    seen.use(V2)
    messages = dict(zip(cases, seen.page.evaluate(TYPED, [{}, cases]), strict=True))

    assert {case for case, text in messages.items() if text} == {case for case in cases if refused(*case)}
    assert {name for name, _ in cases} == {"rescale_factor", "opacity", "x_percent", "y_percent", "rotation"}
    seen.fill(opacity=101)
    seen.page.click("#submit")
    assert seen.error("opacity") == "101 is not allowed: must be from 0 to 100"
    assert [request for request in seen.requests if request.url.endswith(V2)] == []


def test_a_fault_found_only_by_the_service_is_shown_at_its_field(visit, origin):
    seen = visit()
    seen.use(V2)
    seen.page.click('[data-field="overlay_image"] [data-url]')
    seen.page.fill("#p-overlay_image", f"{origin.url}/nothing.png")
    seen.page.press("#p-overlay_image", "Tab")
    seen.await_text('[data-field="overlay_image"] .about', "fetched by the service")
    seen.page.click("#submit")

    assert seen.error("overlay_image")
    assert seen.run_text().startswith("FAILED because of overlay_image")


def any_params(chance: random.Random) -> dict[str, Any]:
    return {
        "rescale_factor": round(chance.uniform(0.001, 4), 3),
        "x_percent": round(chance.uniform(-150, 150), 2),
        "y_percent": round(chance.uniform(-150, 150), 2),
        "rotation": chance.choice([0, -90, 180, 270, 360, chance.uniform(-360, 360)]),
    }


def placed(params: SuperimposeV2Request, overlay: tuple[int, int], base: tuple[int, int]) -> list[int]:
    layer = params.layer()
    size = layer.sized(overlay, base)
    turned = Turn.of(size, params.rotation).after
    return [*size, *turned, *layer.place(turned, base)]


def test_sizes_and_positions_equal_the_compositors_and_a_key_moves_by_one_pixel(visit):
    chance = random.Random(8)
    cases = []
    for _ in range(600):
        sides = [(chance.randint(1, 1500), chance.randint(1, 1500)) for _ in "ob"]
        cases.append((SuperimposeV2Request(**NAMED, **any_params(chance)), *sides))

    page = visit().page
    terms = page.evaluate(TERMS, [params.model_dump() for params, *_ in cases])
    sent = [(params, *map(sized, sides)) for params, (_, *sides) in zip(terms, cases, strict=True)]

    assert page.evaluate(PLACED, sent) == [placed(*case) for case in cases]
    assert {tuple(each) for each in page.evaluate(NUDGED, sent)} == {(1, -1)}


CASES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "smaller": {"rescale_factor": 0.53, "x_percent": 30},
    "larger": {"rescale_factor": 1.7, "y_percent": 10.5},
    "turned": {"rotation": -30.5, "resize_method": "bicubic"},
    "a quarter": {"rotation": 90},
    "mirrored": {"mirror": "vertical", "opacity": 40},
    "masked the other way": {"mask": "mask.png", "invert_mask": True, "mirror": "horizontal"},
    "multiply": {"blend_mode": "multiply", "opacity": 70},
    "luminosity": {"blend_mode": "luminosity"},
}


def test_the_preview_is_close_to_the_compositors_pixels(visit):
    cases = {
        name: SuperimposeV2Request(**{**NAMED, "image_format": "png", **case}) for name, case in CASES.items()
    }
    page = visit().page
    terms = page.evaluate(TERMS, [params.model_dump() for params in cases.values()])
    sent = [[drawn, params.mask is not None] for drawn, params in zip(terms, cases.values(), strict=True)]
    previews = page.evaluate(DRAWN, [[base64.b64encode(data).decode() for data in FILES], sent])

    apart = {}
    for (name, params), preview in zip(cases.items(), previews, strict=True):
        files = dict(
            zip(["base_image", "overlay_image", "mask"][: 2 + bool(params.mask)], FILES, strict=False)
        )
        levels = np.abs(pixels(base64.b64decode(preview)) - pixels(render(params.scene(), files).data))
        apart[name] = (round(levels.mean(), 2), int(np.percentile(levels, 99)))
    assert {name: levels for name, levels in apart.items() if levels[0] > 1 or levels[1] > 12} == {}


class Toned(SuperimposeV2Request):
    """A model that the page does not know."""

    tone: int = Field(default=3, ge=0, description="How dark.")
    when: Literal["now", "later"] | None = Field(default=None, description="When.")
    tags: list[str] = Field(default=[], description="What it is called.")


def test_a_new_model_appears_by_itself(visit, service, monkeypatch):
    monkeypatch.setitem(MODELS, "toned", Toned)
    pages._playground.cache_clear()
    text = pages.playground_html(service.url, Settings())
    pages._playground.cache_clear()
    seen = visit()
    seen.page.route(f"{service.url}/", lambda route: route.fulfill(body=text, content_type="text/html"))
    seen.page.reload()
    seen.page.wait_for_selector(READY)

    seen.page.select_option("#model", "toned")
    seen.open_groups()
    seen.await_text("#notes", "this model has no preview")
    assert not seen.page.is_visible("#frame")
    seen.fill(tone=5, rotation=20)
    body = seen.submit("toned")

    assert body == {
        "base_image": f"{service.url}/samples/cup.jpg",
        "overlay_image": f"{service.url}/samples/logo.png",
        "tone": 5,
        "rotation": 20,
    }
    seen.await_text("#run-text", "no such model")  # of this service
    seen.use("superimpose")
    assert seen.value("x_offset") == "430"


@pytest.mark.parametrize(("scheme", "device"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing_in_another_model(visit, scheme, device):
    seen = visit(color_scheme=scheme, **device)
    seen.use(V2)
    seen.open_groups()

    assert serious(seen.page) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
