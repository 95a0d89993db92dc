"""The body of a submit: the model's parameters and the request's options, validated together."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, Self

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, create_model
from pydantic_core import from_json

from api.http.body import read_json
from api.http.validation import Fault, bad_request, fault, validate_body
from compositor.models import MODELS, with_model
from jobs.config.settings import Settings
from jobs.lifecycle.options import RequestOptions
from jobs.pictures.inputs import InputRules, InvalidInput, pictures
from jobs.webhooks.rules import InvalidWebhook, WebhookRules

CHECKED_INLINE_BYTES = 16 * 1024  # below this, validation takes less time than handing it to a thread

BODIES: Mapping[str, type[BaseModel]] = {
    name: create_model(model.__name__, __base__=(RequestOptions, model), __doc__=model.__doc__)
    for name, model in MODELS.items()
}
"""Body models by the name of the model."""


class SubmitBody(NamedTuple):
    """Parameters as JSON values without defaults, as a job carries them, and the request's options."""

    params: Mapping[str, Any]
    options: RequestOptions

    @classmethod
    def of(cls, body: BaseModel, model: str) -> Self:
        """Split an instance of one of the `BODIES`."""
        values = body.model_dump(exclude_unset=True, exclude_none=True)
        options = {name: values.pop(name) for name in RequestOptions.model_fields if name in values}
        return cls(with_model(values, model), RequestOptions.model_construct(None, **options))


class BodyRules:
    """Rules of a body beyond its model. `origin`: where this service's own pictures are served."""

    def __init__(self, settings: Settings, origin: str) -> None:
        self._settings = settings
        self._origin = origin

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """All faults of a body that its model has refused. Raises `WebhooksOff`."""
        yield from self.webhook_faults(values)
        yield from self.picture_faults(values)

    def webhook_faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """Raises `WebhooksOff`."""
        url, events = values.get("webhook_url"), values.get("webhook_events")
        if (url is None and events is None) or not isinstance(url, str | None):
            return
        try:
            self._webhooks.check(url, events)
        except InvalidWebhook as invalid:
            yield fault(invalid.field, invalid.fault)

    def picture_faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """Faults of the pictures that can be found without fetching or decoding them."""
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

    def validate(body: bytes) -> SubmitBody:
        valid = validate_body(body, BODIES[model], lambda: rules.faults(_values(body)))
        submitted = SubmitBody.of(valid, model)
        if any(rules.webhook_faults(vars(submitted.options))):
            raise bad_request(*rules.faults(_values(body)))
        return submitted

    body = await read_json(request, settings.max_body_bytes)
    return validate(body) if len(body) < CHECKED_INLINE_BYTES else await run_in_threadpool(validate, body)


def _values(body: bytes) -> dict[str, Any]:
    """The body's values by name; none of a body that is not a JSON object."""
    with contextlib.suppress(ValueError):
        values = from_json(body)
        if isinstance(values, dict):
            return values
    return {}
