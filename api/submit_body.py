"""The body of a submit: a model's parameters and the options of its request, checked together."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, Self

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, create_model
from pydantic_core import from_json

from api.errors import webhooks_off
from api.http.body import Fault, bad_request, checked, fault, read_json
from compositor.models import MODELS, with_model
from jobs.config.settings import Settings
from jobs.lifecycle.options import RequestOptions
from jobs.pictures.inputs import InputRules, InvalidInput, pictures
from jobs.webhooks.rules import InvalidWebhook, WebhookRules
from jobs.webhooks.secrets import WebhooksOff

QUICK = 16 * 1024  # bytes; checked sooner than another thread would start on it

BODIES: Mapping[str, type[BaseModel]] = {
    name: create_model(model.__name__, __base__=(RequestOptions, model), __doc__=model.__doc__)
    for name, model in MODELS.items()
}
"""By model."""


class SubmitBody(NamedTuple):
    """Parameters as JSON values without defaults, as a job carries them, and the options."""

    params: Mapping[str, Any]
    options: RequestOptions

    @classmethod
    def of(cls, checked: BaseModel, model: str) -> Self:
        """Of one of the `BODIES`."""
        values = checked.model_dump(exclude_unset=True, exclude_none=True)
        options = {name: values.pop(name) for name in RequestOptions.model_fields if name in values}
        return cls(with_model(values, model), RequestOptions.model_construct(None, **options))


class BodyRules:
    """What a body is held to beside its model. `origin` is the URL our own pictures are served under."""

    def __init__(self, settings: Settings, origin: str) -> None:
        self._settings = settings
        self._origin = origin

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """Those of a body that is refused anyway. Raises 400 where webhooks are off."""
        yield from self.webhook_faults(values)
        yield from self.picture_faults(values)

    def webhook_faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """Raises 400 where webhooks are off."""
        url, events = values.get("webhook_url"), values.get("webhook_events")
        if (url is None and events is None) or not isinstance(url, str | None):
            return
        try:
            self._webhooks.check(url, events)
        except InvalidWebhook as invalid:
            yield fault(invalid.field, invalid.fault)
        except WebhooksOff:
            raise webhooks_off() from None

    def picture_faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What submission says of its pictures by their texts alone."""
        for name, text in pictures(values).items():
            try:
                self._inputs.read(text, self._origin)
            except InvalidInput as invalid:
                yield fault(name, str(invalid))

    @cached_property
    def _webhooks(self) -> WebhookRules:
        return WebhookRules(self._settings)

    @cached_property
    def _inputs(self) -> InputRules:
        return InputRules(self._settings)


async def read_submit_body(request: Request, model: str, settings: Settings, origin: str) -> SubmitBody:
    """Raises 400 naming each field, value and rule, 413, 415."""
    rules = BodyRules(settings, origin)

    def check(body: bytes) -> SubmitBody:
        found = checked(body, BODIES[model], lambda: rules.faults(_readable(body)))
        stated = SubmitBody.of(found, model)
        if any(rules.webhook_faults(vars(stated.options))):
            raise bad_request(list(rules.faults(_readable(body))))
        return stated

    body = await read_json(request, settings.max_body_bytes)
    return check(body) if len(body) < QUICK else await run_in_threadpool(check, body)


def _readable(body: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        values = from_json(body)
        if isinstance(values, dict):
            return values
    return {}
