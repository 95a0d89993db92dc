"""The body of a submit: a model's parameters and the options of its request, checked together."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, create_model
from pydantic_core import from_json

from api.errors import webhooks_off
from api.http.body import Fault, bad_request, checked, fault, read_json
from compositor.models import MODELS, stated
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


async def read_submit_body(request: Request, model: str, settings: Settings, origin: str) -> SubmitBody:
    """Raises 400 naming each field, value and rule, 413, 415."""

    def more_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
        yield from _webhook_faults(values, settings)
        yield from _picture_faults(values, InputRules(settings), origin)

    def check(body: bytes) -> SubmitBody:
        found = checked(body, BODIES[model], lambda: more_faults(_readable(body)))
        values = found.model_dump(exclude_unset=True, exclude_none=True)
        if any(_webhook_faults(values, settings)):
            raise bad_request(list(more_faults(values)))
        options = {name: values.pop(name) for name in RequestOptions.model_fields if name in values}
        return SubmitBody(stated(values, model), RequestOptions.model_construct(None, **options))

    body = await read_json(request, settings.max_body_bytes)
    return check(body) if len(body) < QUICK else await run_in_threadpool(check, body)


def _readable(body: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        values = from_json(body)
        if isinstance(values, dict):
            return values
    return {}


def _webhook_faults(values: Mapping[str, Any], settings: Settings) -> Iterator[Fault]:
    url, events = values.get("webhook_url"), values.get("webhook_events")
    if (url is None and events is None) or not isinstance(url, str | None):
        return
    try:
        WebhookRules(settings).check(url, events)
    except InvalidWebhook as invalid:
        yield fault(invalid.field, invalid.fault)
    except WebhooksOff:
        raise webhooks_off() from None


def _picture_faults(values: Mapping[str, Any], rules: InputRules, origin: str) -> Iterator[Fault]:
    """What submission would say of the pictures of a body that is refused anyway."""
    for name, text in pictures(values).items():
        try:
            rules.read(text, origin)
        except InvalidInput as invalid:
            yield fault(name, str(invalid))
