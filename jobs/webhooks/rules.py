"""Rules for the text of a webhook_url; its addresses are resolved and checked at each attempt."""

from collections.abc import Sequence
from typing import Any

from jobs.config.hosts import is_address
from jobs.config.settings import Settings
from jobs.network.guard import Guard
from jobs.network.urls import InvalidUrl, Target, UrlRules, read_url
from jobs.webhooks.secrets import WebhookSecrets

MAX_URL_LENGTH = 2048

EVENTS = ("completed", "failed")

FORM = "must be an https URL without user name or fragment, at most 2,048 characters"
FORM_WITH_HTTP = FORM.replace("https", "http or https")
NOT_ALLOWED = (
    "is an address that this server may not call: give a public one, or ask its operator to allow it"
)
WITHOUT_URL = "give webhook_url too"


class InvalidWebhook(ValueError):
    """`field` is "webhook_url" or "webhook_events"."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")
        self.field = field
        self.fault = fault


def webhook_fields(
    url: str | None, events: Sequence[str] | None, key_id: str, origin: str, has_base64: bool = False
) -> dict[str, Any] | None:
    """A validated webhook as a record stores it; None without a URL. `events` None: all.

    `origin` is the URL of our own pictures; `has_base64`: whether the result contains the picture.
    """
    if url is None:
        return None
    target = read_url(url)
    receiver = f"{key_id} {target.authority}"
    fields = {"url": target.url, "receiver": receiver, "origin": origin, "base64": has_base64}
    return fields | {event: True for event in EVENTS if events is None or event in events}


class WebhookRules:
    def __init__(self, settings: Settings) -> None:
        self._http = settings.webhook_http
        self._urls = UrlRules(settings.fetch_ports)
        self._guard = Guard.of(settings)
        self._secrets = WebhookSecrets(settings)

    def check(self, url: str | None, events: Sequence[str] | None) -> None:
        """Check `webhook_url` and `webhook_events`.

        Raises `InvalidWebhook`; `WebhooksOff` without a master secret.
        """
        if url is not None:
            self.target(url)
            self._secrets.check()
        elif events is not None:
            raise InvalidWebhook("webhook_events", WITHOUT_URL)

    def target(self, url: str) -> Target:
        """Parse and check a URL. Raises `InvalidWebhook`."""
        form = FORM_WITH_HTTP if self._http else FORM
        try:
            target = read_url(url)
        except InvalidUrl:
            raise InvalidWebhook("webhook_url", form) from None
        is_web = target.scheme == "https" or self._http
        if not is_web or len(url) > MAX_URL_LENGTH or "#" in url or url != url.strip():
            raise InvalidWebhook("webhook_url", form)
        try:
            self._urls.check(target)
        except InvalidUrl as fault:
            raise InvalidWebhook("webhook_url", str(fault)) from None
        literal = [target.host] if is_address(target.host) else []
        if self._guard.refusal_of_host(target.host) or self._guard.refusal(target.host, literal):
            raise InvalidWebhook("webhook_url", NOT_ALLOWED)
        return target
