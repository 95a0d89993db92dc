"""Errors of a batch are shown where the user can fix them."""

import pytest
from redis import Redis

from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from tests.playground.conftest import await_end, folder_of, take

FRUIT = ["apple.jpg", "fig.jpg", "plum.jpg"]


@pytest.fixture
def poor_key(idle):
    with Redis.from_url(idle.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        return ApiKeys(redis).create("poor", KeyOptions(credits=2))[1]


def refused(seen) -> str:
    seen.page.click("#submit")
    seen.page.wait_for_selector("#batch.refused")
    assert seen.page.is_enabled("#submit")
    return str(seen.page.inner_text("#batch-text"))


def batches(stack) -> list[dict]:
    return list(stack.client.get("/v2/batches").json()["batches"])


def test_a_wrong_key_is_shown_at_the_key_before_files_are_sent(visit, tmp_path):
    seen = visit(key="wrong")
    take(seen, [folder_of(tmp_path, FRUIT)])

    assert refused(seen) == "Not sent because of key."
    assert "not valid" in seen.error("key")
    assert not [each for each in seen.requests if each.url.endswith("/batch")]


def test_too_few_credits_are_shown_at_the_key(visit, idle, poor_key, tmp_path):
    seen = visit(idle.url, key=poor_key)
    take(seen, [folder_of(tmp_path, FRUIT)])

    assert refused(seen) == "Not sent because of key."
    assert "credits" in seen.error("key")


def test_a_full_queue_is_shown(visit, idle, tmp_path):
    seen = visit(idle.url)
    take(seen, [folder_of(tmp_path, [*FRUIT, "melon.jpg", "lemon.jpg"])])

    assert "no space for these 5 requests" in refused(seen)
    assert batches(idle) == []


def test_a_batch_over_the_size_limit_is_refused_before_it_is_sent(visit, idle, tmp_path):
    seen = visit(idle.url)
    folder = folder_of(tmp_path, FRUIT)
    with (folder / "fig.jpg").open("ab") as large:
        large.truncate(40_000)
    take(seen, [folder])

    assert "the limit of this service is 50 kB" in refused(seen)
    assert not [each for each in seen.requests if each.url.endswith("/batch")]


def test_faults_common_to_all_requests_are_shown_once_at_their_fields(visit, tmp_path):
    seen = visit()
    take(seen, [folder_of(tmp_path, FRUIT)])
    seen.fill(x_offset=5, x_percent=5)

    assert refused(seen).startswith("Not sent because of x_")
    assert "x_percent" in seen.error("x_offset")
    assert "line" not in seen.error("x_offset")


def test_a_batch_cancelled_before_it_is_sent_creates_nothing(visit, idle, tmp_path):
    seen = visit(idle.url)
    take(seen, [folder_of(tmp_path, FRUIT)])
    seen.page.route("**/v2/superimpose/batch", lambda _: None)
    seen.page.click("#submit")
    seen.await_text("#batch-text", "Sending")
    seen.page.click("#batch-stop")

    seen.await_text("#batch-text", "Cancelled: nothing was sent.")
    assert seen.page.is_enabled("#submit")
    assert batches(idle) == []


def test_a_cancelled_batch_ends_as_cancelled(visit, idle, tmp_path):
    seen = visit(idle.url)
    take(seen, [folder_of(tmp_path, FRUIT)])
    seen.page.click("#submit")
    seen.await_text("#batch-text", "0 of 3")
    seen.page.click("#batch-stop")

    seen.await_text("#batch-text", "3 of 3 · 3 failed · cancelled")
    seen.await_text("#batch-failed", "cups/apple.jpg, cups/fig.jpg, cups/plum.jpg: ")
    assert seen.page.is_hidden("#batch-zip")


def test_a_running_batch_cannot_be_replaced(visit, tmp_path):
    seen = visit()
    take(seen, [folder_of(tmp_path, FRUIT)])
    seen.page.route("**/v2/batches/*?wait=*", lambda route: held.append(route))
    held: list = []
    seen.page.click("#submit")
    seen.await_text("#batch-text", "of 3")
    seen.page.set_input_files("#f-folder", tmp_path / "cups")

    assert "A batch is running" in seen.error("base_image")


def test_a_batch_survives_an_outage_of_the_server(visit, tmp_path):
    seen = visit()
    take(seen, [folder_of(tmp_path, FRUIT)])
    seen.page.route("**/v2/batches/*?wait=*", lambda route: route.abort())
    seen.page.click("#submit")
    seen.await_text("#batch-text", "Trying again")

    seen.page.unroute("**/v2/batches/*?wait=*")
    await_end(seen)
