"""What may be `webhook_url` and `webhook_events`."""

import pytest

from jobs.config.settings import Settings
from jobs.webhooks.rules import FORM, NOT_ALLOWED, WITHOUT_URL, InvalidWebhook, WebhookRules, webhook_fields
from jobs.webhooks.secrets import WebhooksOff
from tests.webhook_events import MASTER

INSIDE = f"webhook_url: {NOT_ALLOWED}"
URL = "https://shop.example.com/hooks?key=1"


def settings(**more) -> Settings:
    return Settings(**{"webhook_secret": MASTER} | more)


def refusal(url, events=None, **more) -> str:
    with pytest.raises(InvalidWebhook) as refused:
        WebhookRules(settings(**more)).check(url, events)
    return str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "ftp://shop.example.com/",
        "shop.example.com/hooks",
        "https://",
        "",
        "https://user@shop.example.com/",
        "https://user:word@shop.example.com/",
        "https://shop.example.com/#part",
        "https://shop.example.com/\n",
        " https://shop.example.com/",
        "https://shop.example.com/a\tb",
        "https://shop.example.com/a b",
        "https://shop.example.com/\x00",
        "https://shöp.example.com/",
        "https://2130706433/",
        "https://shop.example.com/" + "a" * 2048,
        "https://shop.example.com/" + "a" * 3000,
    ],
)
def test_an_address_of_a_wrong_form_is_refused(url):
    assert refusal(url) == f"webhook_url: {FORM}"


def test_the_longest_url_is_accepted_and_stored_whole():
    url = URL + "a" * (2048 - len(URL))
    WebhookRules(settings()).check(url, None)

    fields = webhook_fields(url, None, "key_1", "https://here")

    assert fields["url"] == url
    assert fields["receiver"] == "key_1 shop.example.com"


def test_http_passes_where_the_operator_allows_it():
    WebhookRules(settings(webhook_http=True)).check("http://shop.example.com/", None)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "db",
        "a.internal",
    ],
)
def test_an_address_inside_is_refused_at_once(host):
    assert refusal(f"https://{host}/") == INSIDE


def test_the_allowances_of_inputs_hold():
    WebhookRules(settings(fetch_allow="127.0.0.1/32")).check("https://127.0.0.1:8443/", None)
    WebhookRules(settings(fetch_allow="127.0.0.1/32")).check("https://localhost/", None)
    assert "port 25" in refusal("https://shop.example.com:25/")
    assert refusal(URL, fetch_hosts="*.other.example.com") == INSIDE
    assert refusal("https://93.184.216.34/", fetch_refuse="93.184.216.0/24") == INSIDE


def test_our_own_public_host_is_refused():
    own = {"public_url": "https://pictures.shop.com"}
    assert refusal("https://pictures.shop.com/hook", **own) == INSIDE


def test_events_without_an_address_are_refused():
    assert refusal(None, ["completed"]) == f"webhook_events: {WITHOUT_URL}"


def test_neither_is_no_webhook_also_without_a_master_secret():
    WebhookRules(Settings()).check(None, None)


def test_without_a_master_secret_there_are_none():
    with pytest.raises(WebhooksOff):
        WebhookRules(Settings()).check(URL, None)


@pytest.mark.parametrize("secret", ["too short", "a-secret-that-has-letters-enough-by-far,short"])
def test_a_short_master_secret_is_refused(secret):
    with pytest.raises(ValueError, match="webhook_secret"):
        Settings(webhook_secret=secret)
