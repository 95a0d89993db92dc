"""What goes wrong is said where it can be put right, and nothing that was set is lost."""

import os
import time

import pytest
from redis import Redis

from jobs.api_keys import ApiKeys, KeyOptions
from jobs.settings import Settings
from jobs.transitions import Transitions
from tests.asking import HOLDER
from tests.stack import empty_database, environment, running


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


def test_an_expired_key_is_an_error_of_the_key(visit, expired_key):
    seen = visit(key=expired_key)
    seen.fill(x_offset=12)
    seen.page.click("#submit")

    assert "key" in seen.error("key")
    assert (focused(seen), seen.value("x_offset")) == ("key", "12")


def assert_refused(seen, name, said):
    """Submit sends nothing while a picture is refused, and says why again."""
    seen.page.click("#submit")
    seen.page.wait_for_function("!submit.disabled")
    assert said in seen.error(name)
    assert seen.submitted() == []


def test_a_url_without_a_picture_is_not_submitted_as_the_picture_before(visit, service):
    seen = visit()
    seen.page.click('[data-field="base_image"] [data-url]')
    seen.page.fill('[data-field="base_image"] .url', f"{service.url}/samples/gone.jpg")
    seen.page.click("#submit")

    assert "is not there" in seen.error("base_image")
    assert_refused(seen, "base_image", "is not there")

    seen.page.fill('[data-field="base_image"] .url', "")
    assert seen.submit()["base_image"].endswith("/samples/cup.jpg")


def test_a_file_of_100_megabytes_is_refused_before_it_is_sent(visit, tmp_path):
    seen = visit()
    path = tmp_path / "huge.png"
    path.touch()
    os.truncate(path, 100_000_000)
    seen.page.set_input_files("#f-overlay_image", path)

    assert seen.error("overlay_image") == "huge.png has 100.0 MB; this service takes files up to 25.2 MB"
    assert "logo.png" in seen.page.inner_text('[data-field="overlay_image"] .about')
    assert_refused(seen, "overlay_image", "huge.png has 100.0 MB")
    seen.page.click('[data-field="overlay_image"] [data-sample]')
    assert seen.submit()["overlay_image"].endswith("/samples/logo.png")
    seen.await_result()


def test_a_file_that_is_no_picture_is_refused_at_once(visit):
    seen = visit()
    seen.choose("base_image", "letter.png", b"Dear reader")

    assert "letter.png is no picture" in seen.error("base_image")
    assert_refused(seen, "base_image", "letter.png is no picture")
    assert "cup.jpg" in seen.page.inner_text('[data-field="base_image"] .about')


def test_all_faults_of_a_body_stand_at_their_fields(visit):
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


def test_a_contradiction_stands_at_both_parameters(visit):
    seen = visit()
    seen.fill(x_percent=5)
    seen.page.click("#submit")

    assert "x_offset" in seen.error("x_percent")
    assert "x_percent" in seen.error("x_offset")


def test_a_picture_that_cannot_be_fetched_fails_at_its_field(visit):
    seen = visit()
    seen.page.click('[data-field="overlay_image"] [data-url]')
    seen.page.fill("#p-overlay_image", "http://127.0.0.1:1025/logo.png")
    seen.page.press("#p-overlay_image", "Tab")
    seen.await_text('[data-field="overlay_image"] .about', "fetched by the service")
    seen.page.click("#submit")

    assert seen.error("overlay_image")
    assert seen.run_text().startswith("FAILED: overlay_image")


def test_a_server_that_goes_away_is_waited_for_and_nothing_is_lost(visit):
    seen = visit()
    seen.page.route("**/status/stream", lambda route: route.abort())
    seen.fill(x_offset=99)
    seen.submit()
    seen.await_text("#run-text", "Trying again")

    assert "The server cannot be reached" in seen.run_text()
    assert seen.value("x_offset") == "99"
    seen.page.unroute("**/status/stream")
    seen.await_result()


def test_waiting_ends_by_cancelling_with_the_server_or_without_it(redis_socket, tmp_path, visit):
    with running(environment(empty_database(redis_socket, 2), tmp_path), workers=0) as stack:
        seen = visit(stack.url)
        seen.fill(x_offset=98)
        with seen.page.expect_response("**/v2/superimpose") as accepted:
            seen.submit()
        seen.page.wait_for_selector('[data-step="QUEUED"].now')
        with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
            Transitions(redis, Settings()).claim(accepted.value.json()["request_id"], HOLDER)
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
