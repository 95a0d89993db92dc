"""Errors are shown where the user can fix them, and no input is lost."""

import os
import time

import pytest
from pydantic import ValidationError
from redis import Redis

from compositor import SuperimposeParams
from jobs.config.settings import Settings
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from tests.asking import claim_request
from tests.stack import KEY, empty_database, environment, running


@pytest.fixture
def expired_key(service):
    with Redis.from_url(service.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        _, text = ApiKeys(redis).create("gone", KeyOptions(expires_in_s=0.05))
    time.sleep(0.1)
    return text


def focused(seen) -> str:
    return str(seen.page.evaluate("document.activeElement.id"))


def test_without_a_key_nothing_is_sent(visit):
    seen = visit(key="")
    seen.fill(x_offset=12)
    seen.page.click("#submit")

    assert "superimpose up" in seen.error("key")
    assert focused(seen) == "key"
    assert (seen.value("x_offset"), seen.submitted()) == ("12", [])


def test_an_expired_key_is_shown_at_the_key(visit, expired_key):
    seen = visit(key=expired_key)
    seen.fill(x_offset=12)
    seen.page.click("#submit")

    assert "key" in seen.error("key")
    assert (focused(seen), seen.value("x_offset")) == ("key", "12")


def assert_refused(seen, name, message):
    """Submit sends nothing while a picture is refused, and shows the error again."""
    seen.page.click("#submit")
    seen.page.wait_for_function("() => !submit.disabled")
    assert message in seen.error(name)
    assert seen.submitted() == []


def test_a_url_without_a_picture_does_not_submit_the_previous_picture(visit, service):
    seen = visit()
    seen.page.click('[data-field="base_image"] [data-url]')
    seen.page.fill('[data-field="base_image"] .url', f"{service.url}/samples/gone.jpg")
    seen.page.click("#submit")

    assert "does not exist" in seen.error("base_image")
    assert_refused(seen, "base_image", "does not exist")

    seen.page.fill('[data-field="base_image"] .url', "")
    assert seen.submit()["base_image"].endswith("/samples/cup.jpg")


def test_a_file_of_100_megabytes_is_refused_before_it_is_sent(visit, tmp_path):
    seen = visit()
    path = tmp_path / "huge.png"
    path.touch()
    os.truncate(path, 100_000_000)
    seen.page.set_input_files("#f-overlay_image", path)

    assert seen.error("overlay_image") == "huge.png has 100.0 MB; this service accepts files up to 25.2 MB"
    assert "logo.png" in seen.page.inner_text('[data-field="overlay_image"] .about')
    assert_refused(seen, "overlay_image", "huge.png has 100.0 MB")
    seen.page.click('[data-field="overlay_image"] [data-sample]')
    assert seen.submit()["overlay_image"].endswith("/samples/logo.png")
    seen.await_result()


def test_a_file_that_is_not_a_picture_is_refused_at_once(visit):
    seen = visit()
    seen.choose("base_image", "letter.png", b"Dear reader")

    assert "letter.png cannot be read as a picture" in seen.error("base_image")
    assert_refused(seen, "base_image", "letter.png cannot be read as a picture")
    assert "cup.jpg" in seen.page.inner_text('[data-field="base_image"] .about')


def repeated(seen) -> list[str]:
    """Sentences that the page shows more than once."""
    parts = [seen.page.inner_text(part) for part in ("header", "#work", "#parameters", "#notes")]
    lines = [line.strip() for part in parts for line in part.splitlines()]
    return [line for line in set(lines) if len(line) > 20 and lines.count(line) > 1]


def test_an_accepted_key_is_confirmed_and_clears_the_error_of_the_last(visit):
    seen = visit(key="wrong")
    assert "not valid" in seen.error("key")
    seen.page.click("#submit")
    seen.page.wait_for_function("() => !submit.disabled")
    assert "not valid" in seen.error("key")
    assert (repeated(seen), seen.page.is_visible("#run")) == ([], False)

    seen.page.fill("#key", KEY)
    seen.await_text("#credits", "Accepted")

    assert seen.page.inner_text("#key-error") == ""
    seen.page.fill("#key", "")
    assert seen.page.inner_text("#credits") == ""


def test_text_that_cannot_become_a_url_is_refused_while_it_is_typed(visit):
    seen = visit()
    url = seen.page.locator("#p-base_image")
    seen.page.click('[data-field="base_image"] [data-url]')
    url.press_sequentially("htt")
    assert seen.page.inner_text("#p-base_image-error") == ""
    url.press_sequentially("q")

    assert "must begin with http:// or https://" in seen.error("base_image")
    assert focused(seen) == "p-base_image"
    url.fill("https://shop.example/a b")
    assert seen.error("base_image")
    url.fill("https://shop.example/a")
    assert seen.page.inner_text("#p-base_image-error") == ""


def test_an_invalid_url_is_refused_when_the_field_loses_focus(visit):
    seen = visit()
    seen.page.click('[data-field="mask"] [data-url]')
    for url, why in (
        ("not a url", "is not the URL"),
        ("https://me:pw@shop.example/", "user name"),
        ("https:///cup.jpg", "is not the URL"),
    ):
        seen.page.fill("#p-mask", url)
        seen.page.press("#p-mask", "Tab")

        seen.await_text("#p-mask-error", why)
        assert_refused(seen, "mask", why)


RULES = {
    name: next((rule for rule in (schema, *schema.get("anyOf", ())) if "maximum" in rule), None)
    for name, schema in SuperimposeParams.model_json_schema()["properties"].items()
}
BOUNDED = {name: rule for name, rule in RULES.items() if rule}
SQUARE = "0 0, 1 0, 1 1, 0 1"
LISTS = {
    "region": ["0 0 1 1", "0, 0, 1, 1", "0 0 1", "0 0 1 17", "0 0 0 1", "-16 16 16 16", "a b c d"],
    "corners": [
        SQUARE,
        "0 0, 1 0, 1 1",
        "0 0, 0 1, 1 1, 1 0",
        "-1 -1, 2 -1, 2 2.1, -1 2",
        "0 0, 1 0, 0.2 0.2, 0 1",
    ],
}
SWITCHED_ON = [{}, {"overlay_resize": "Resize to width & heigth", "tile": True}]
TYPED = """([fields, cases]) => {
  const type = (name, value) => {
    const field = document.getElementById(`p-${name}`);
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return field;
  };
  for (const [name, value] of Object.entries(fields)) type(name, value);
  return cases.map(([name, value]) => {
    const field = type(name, value);
    const message = field.disabled ? null : document.getElementById(`p-${name}-error`).textContent;
    type(name, field.defaultValue);
    return message;
  });
}"""


def around(rule) -> list[float]:
    """Values on both sides of each bound, and between integers."""
    low = rule.get("minimum", rule.get("exclusiveMinimum"))
    return [low - 1, low, low + 0.5, rule["maximum"], rule["maximum"] + 1]


NEEDED: dict[str, dict[str, object]] = {
    "displacement_x": {"displacement_map": "folds.png"},
    "displacement_y": {"displacement_map": "folds.png"},
    "region": {},
    "corners": {},
}


def stated(name: str, text: str) -> object:
    """A list as in a request body."""
    try:
        numbers = [float(each) for each in text.replace(",", " ").split()]
    except ValueError:
        return text
    return numbers if name == "region" else [numbers[at : at + 2] for at in range(0, len(numbers), 2)]


def refused(name: str, value: object) -> bool:
    try:
        SuperimposeParams(**{name: value, **NEEDED.get(name, {"tile": True})})
    except ValidationError:
        return True
    return False


def test_a_field_refuses_exactly_what_the_service_would_refuse(visit):
    cases = [(name, value) for name, rule in BOUNDED.items() for value in around(rule)]
    cases += [("background", colour) for colour in ("blue", "#ab", "#abc", "#AbCdEf", "#abcdeg")]
    seen = visit()
    page = seen.page
    messages = [page.evaluate(TYPED, [fields, cases]) for fields in SWITCHED_ON]
    seen.open_groups()
    page.click('[data-field="displacement_map"] [data-sample]')
    page.wait_for_selector('[data-field="displacement_map"].filled')
    messages.append(page.evaluate(TYPED, [{}, cases]))

    shown = {case: {each[at] for each in messages} - {None} for at, case in enumerate(cases)}
    assert all(shown.values())
    wrong = {case for case, texts in shown.items() if any(texts) != refused(*case)}
    assert wrong == set()
    assert shown["rotation", 361] == {"361 is not allowed: must be from 0 to 360"}
    assert shown["scale_to", 0] == {"0 is not allowed: must be above 0, at most 16"}


def test_a_list_refuses_exactly_what_the_service_would_refuse(visit):
    cases = [(name, text) for name, texts in LISTS.items() for text in texts]
    messages = visit().page.evaluate(TYPED, [{}, cases])

    wrong = {case for case, text in zip(cases, messages, strict=True) if text}
    assert wrong == {(name, text) for name, text in cases if refused(name, stated(name, text))}
    assert wrong


def test_an_unfinished_number_is_a_fault_only_when_the_field_loses_focus(visit):
    seen = visit()
    seen.page.fill("#p-x_offset", "")
    seen.page.locator("#p-x_offset").press_sequentially("-")
    assert seen.page.inner_text("#p-x_offset-error") == ""

    seen.page.press("#p-x_offset", "Tab")
    assert seen.error("x_offset") == "is not a number"
    seen.page.locator("#p-x_offset").press_sequentially("-5")
    assert seen.page.inner_text("#p-x_offset-error") == ""


def test_all_faults_of_a_body_are_shown_at_their_fields(visit):
    seen = visit()
    seen.fill(rotation=400, opacity=7, background="blue-ish", x_offset=5, x_percent=5)
    seen.page.click("#submit")

    assert seen.error("rotation").startswith("400 is not allowed")
    assert seen.error("opacity").startswith("7 is not allowed")
    assert seen.error("background")
    assert focused(seen) in ("p-rotation", "p-opacity", "p-background")
    assert seen.page.get_attribute("#p-opacity", "aria-invalid") == "true"

    seen.fill(opacity=0.7)
    assert seen.page.inner_text('[data-field="opacity"] .error') == ""


def test_a_contradiction_is_shown_at_both_parameters(visit):
    seen = visit()
    seen.fill(x_percent=5)
    seen.page.click("#submit")

    assert "x_offset" in seen.error("x_percent")
    assert "x_percent" in seen.error("x_offset")


def test_a_picture_that_cannot_be_fetched_is_an_error_at_its_field(visit, origin):
    seen = visit()
    seen.page.click('[data-field="overlay_image"] [data-url]')
    seen.page.fill("#p-overlay_image", f"{origin.url}/nothing.png")
    seen.page.press("#p-overlay_image", "Tab")
    seen.await_text('[data-field="overlay_image"] .about', "fetched by the service")
    seen.page.click("#submit")

    assert seen.error("overlay_image")
    assert repeated(seen) == []
    assert seen.run_text().startswith("FAILED because of overlay_image")


def test_a_request_survives_an_outage_of_the_server(visit):
    seen = visit()
    seen.page.route("**/status/stream", lambda route: route.abort())
    seen.fill(x_offset=99)
    seen.submit()
    seen.await_text("#run-text", "Trying again")

    assert "The server cannot be reached" in seen.run_text()
    assert seen.value("x_offset") == "99"
    seen.page.unroute("**/status/stream")
    seen.await_result()


def test_cancelling_ends_the_wait_even_without_the_server(redis_socket, tmp_path, visit):
    with running(environment(empty_database(redis_socket, 2), tmp_path), workers=0) as stack:
        seen = visit(stack.url)
        seen.fill(x_offset=98)
        with seen.page.expect_response("**/v2/superimpose") as accepted:
            seen.submit()
        seen.page.wait_for_selector('[data-step="QUEUED"].now')
        with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
            claim_request(Transitions(redis, Settings()), accepted.value.json()["request_id"])
        seen.page.wait_for_selector('[data-step="PROCESSING"].now')
        seen.page.click("#stop")
        seen.await_text("#run-text", "FAILED: ")
        assert seen.page.inner_text("#recent .mark") == "FAILED"

        seen.submit()
        seen.page.wait_for_selector('[data-step="QUEUED"].now')
        stack.stop()
        seen.await_text("#run-text", "Trying again")
        seen.page.click("#stop")

    seen.await_text("#run-text", "No longer waiting")
    assert (seen.value("x_offset"), seen.page.is_enabled("#submit")) == ("98", True)
