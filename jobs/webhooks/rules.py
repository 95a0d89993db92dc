"""What may be the address of events, as far as its text says: it is resolved and judged at each attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from jobs.config.hosts import is_address
from jobs.config.settings import Settings
from jobs.network.guard import Guard
from jobs.network.urls import InvalidUrl, Target, UrlRules, read_url
from jobs.webhooks.secrets import WebhookSecrets

LONGEST_URL = 2048

EVENTS = ("completed", "failed")

FORM = "must be an https URL without user name or fragment, at most 2,048 characters"
FORM_WITH_HTTP = FORM.replace("https", "http or https")
NOT_FROM_HERE = (
    "is an address that this server may not call: give a public one, or ask its operator to allow it"
)
WITHOUT_URL = "give webhook_url too"


class InvalidWebhook(ValueError):
    """`field` is "webhook_url" or "webhook_events", `fault` what is wrong with it."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")
        self.field = field
        self.fault = fault


@dataclass(frozen=True)
class Webhook:
    """Where the events of a request go, and which."""

    url: str
    events: Sequence[str] = EVENTS

    @classmethod
    def of(cls, url: str, events: Sequence[str] | None) -> Self:
        """As a submit says it that was checked."""
        chosen = EVENTS if events is None else [event for event in EVENTS if event in events]
        return cls(read_url(url).url, chosen)

    def kept(self, key_id: str, origin: str, has_base64: bool) -> dict[str, Any]:
        """What the request's record says of it.

        `origin` is the URL that our own pictures are served under; `has_base64`: whether the result itself
        has the picture.
        """
        receiver = f"{key_id} {read_url(self.url).authority}"
        whose = {"url": self.url, "receiver": receiver, "origin": origin, "base64": has_base64}
        return whose | dict.fromkeys(self.events, True)


def kept_webhook(
    url: str | None, events: Sequence[str] | None, key_id: str, origin: str, has_base64: bool = False
) -> dict[str, Any] | None:
    """What a record says of the webhook that a submit asks for, if it does."""
    return None if url is None else Webhook.of(url, events).kept(key_id, origin, has_base64)


class WebhookRules:
    def __init__(self, settings: Settings) -> None:
        self._http = settings.webhook_http
        self._urls = UrlRules(settings.fetch_ports)
        self._guard = Guard.of(settings)
        self._secrets = WebhookSecrets(settings)

    def check(self, url: str | None, events: Sequence[str] | None) -> None:
        """Whether `webhook_url` and `webhook_events` may be as they are.

        Raises `InvalidWebhook`; `WebhooksOff` where there is no master secret.
        """
        if url is not None:
            self.target(url)
            self._secrets.check()
        elif events is not None:
            raise InvalidWebhook("webhook_events", WITHOUT_URL)

    def target(self, url: str) -> Target:
        """The parts of a URL that may be called, as far as its text says. Raises `InvalidWebhook`."""
        form = FORM_WITH_HTTP if self._http else FORM
        try:
            target = read_url(url)
        except InvalidUrl:
            raise InvalidWebhook("webhook_url", form) from None
        is_web = target.scheme == "https" or self._http
        if not is_web or len(url) > LONGEST_URL or "#" in url or url != url.strip():
            raise InvalidWebhook("webhook_url", form)
        try:
            self._urls.check(target)
        except InvalidUrl as fault:
            raise InvalidWebhook("webhook_url", str(fault)) from None
        literal = [target.host] if is_address(target.host) else []
        if self._guard.refusal_of_host(target.host) or self._guard.refusal(target.host, literal):
            raise InvalidWebhook("webhook_url", NOT_FROM_HERE)
        return target
