"""The playground's webhook field, and the log of deliveries."""

import pytest

from tests.stack import empty_database
from tests.webhooks.receiver import receiving
from tests.webhooks.service import sending

GROUP = 'details:has([data-field="webhook_url"])'


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    with sending(empty_database(redis_socket, 9), tmp_path_factory.mktemp("webhooks")) as stack:
        yield stack


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def test_the_log_shows_the_delivery_and_can_send_the_event_again(visit, stack, receiver):
    receiver.answers = lambda _: (410, {})
    seen = visit(url=stack.url)
    seen.open_groups()
    seen.fill(webhook_url=receiver.url)

    assert seen.submit()["webhook_url"] == receiver.url
    seen.await_text("#webhook-text", ": gone")
    seen.await_text("#webhook-attempts li", "answered 410")
    receiver.answers = lambda _: (204, {})
    seen.page.click("#webhook-again")
    seen.await_text("#webhook-text", ": delivered")

    assert seen.page.locator("#webhook-attempts li").count() == 2
    assert len({call.message_id for call in receiver.got}) == 1
    assert seen.complaints == []


def test_a_request_without_a_webhook_hides_the_previous_log(visit, stack, receiver):
    seen = visit(url=stack.url)
    seen.open_groups()
    seen.fill(webhook_url=receiver.url)
    seen.submit()
    seen.await_text("#webhook-text", ": delivered")
    seen.await_result()

    seen.fill(webhook_url="")
    assert "webhook_url" not in seen.submit()

    assert seen.page.locator("#webhook").is_hidden()


def test_a_refused_webhook_url_is_shown_at_its_field(visit, stack):
    seen = visit(url=stack.url)
    seen.open_groups()
    seen.fill(webhook_url="ftp://shop.example/")
    seen.submit()

    assert "must be an http or https URL" in seen.error("webhook_url")
