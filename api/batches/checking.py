"""Validates the requests of a batch one by one, and collects the first faults of all."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from api.batches.body import BatchHead, Member
from api.http.validation import MAX_COMMAS, Fault, as_faults, bad_request, explain, fault
from api.submit_body import BODIES, CHECKED_INLINE_BYTES, BodyRules, SubmitBody
from jobs.batches.limits import MAX_REQUESTS

MAX_FAULTS = 100
YIELD_EVERY = 10  # requests checked before the event loop runs other calls


class Place(NamedTuple):
    """A place in the body; `line` is set for NDJSON."""

    path: str
    line: int | None = None


DEFAULTS = Place("defaults")


class ValidRequest(NamedTuple):
    """A request merged with the defaults."""

    place: Place
    body: SubmitBody


class BatchCheck:
    """`timeouts`: the time limits that the client sent."""

    def __init__(self, model: str, head: BatchHead, rules: BodyRules, timeouts: Mapping[str, int]) -> None:
        self._model = model
        self._body = BODIES[model]
        self._rules = rules
        self.count = 0
        self._indices = dict[str, int]()  # by custom_id
        self.faults = list[Fault]()
        self.defaults: Mapping[str, Any] = head.defaults or {}
        """As sent; empty if they have faults: then the requests are checked without them."""
        submitted = [model, timeouts, head.webhook_url, self.defaults]
        self._fingerprint = sha256(json.dumps(submitted, sort_keys=True).encode())
        self.faults += rules.webhook_faults({"webhook_url": head.webhook_url})
        faults = [*self._faults_of_defaults()]
        self._add_faults(DEFAULTS, faults)
        if faults:
            self.defaults = {}
        self._ignores_defaults = bool(faults)

    @property
    def fingerprint(self) -> str:
        """The same for JSON and NDJSON with the same content."""
        return self._fingerprint.hexdigest()

    async def check(self, member: Member) -> ValidRequest | None:
        """Check the next request; None if it has a fault.

        Raises 400 once there are `MAX_FAULTS` faults or too many requests.
        """
        index = self.count
        self.count += 1
        if index % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        if index == MAX_REQUESTS:
            self.faults.append(fault("requests", f"must have at most {MAX_REQUESTS} items"))
            raise bad_request(*self.faults)
        if len(member.text) < CHECKED_INLINE_BYTES:
            body, faults = self._validate(index, member.text)
        else:
            body, faults = await run_in_threadpool(self._validate, index, member.text)
        place = Place(f"requests[{index}]", member.line)
        self._add_faults(place, faults)
        return None if body is None or faults else ValidRequest(place, body)

    def refuse(self, place: Place, faults: Mapping[str, str]) -> None:
        """Add faults of pictures, which submission has found, by parameter. Raises as `check`."""
        self._add_faults(place, as_faults(faults))

    def finish(self) -> None:
        """Raises 400 with all faults, also for a batch without requests."""
        if not self.count and not self.faults:
            self.faults.append(fault("requests", "must have at least 1 item"))
        if self.faults:
            raise bad_request(*self.faults)

    def _faults_of_defaults(self) -> Iterator[Fault]:
        if "custom_id" in self.defaults:
            yield fault("custom_id", "names one request: give it in requests")
        try:
            self._body.model_validate(dict(self.defaults))
        except ValidationError as error:
            yield from explain(error, self._body, _is_of_one_value)
        yield from self._rules.webhook_faults({"webhook_url": self.defaults.get("webhook_url")})
        yield from self._rules.picture_faults(self.defaults)

    def _validate(self, index: int, text: bytes) -> tuple[SubmitBody | None, list[Fault]]:
        if text.count(b",") > MAX_COMMAS:
            return None, [fault("body", "has too many values")]
        try:
            own = from_json(text)
        except ValueError as error:
            return None, [fault("body", f"must be one JSON object: {error}")]
        if not isinstance(own, dict):
            return None, [fault("body", "must be one JSON object")]
        faults = [*self._duplicate_name(index, own.get("custom_id"))]
        try:
            body = SubmitBody.of(self._body.model_validate({**self.defaults, **own}), self._model)
        except ValidationError as error:
            explained = explain(error, self._body, _is_of_one_value if self._ignores_defaults else bool)
            return None, [*faults, *explained, *self._rules.faults(own)]
        faults += self._rules.webhook_faults(vars(body.options))
        if faults:
            faults += self._rules.picture_faults(own)
        self._add_to_fingerprint(body, own)
        return body, faults

    def _duplicate_name(self, index: int, custom_id: Any) -> Iterator[Fault]:
        if isinstance(custom_id, str) and (first := self._indices.setdefault(custom_id, index)) != index:
            yield fault("custom_id", f"is that of requests[{first}] too: each needs its own")

    def _add_to_fingerprint(self, body: SubmitBody, own: Mapping[str, Any]) -> None:
        """Only the request's own values: the defaults may be large, and were added already."""
        submitted = {name: body.params.get(name) for name in sorted(own)}
        self._fingerprint.update(to_json([submitted, body.options.given]))

    def _add_faults(self, place: Place, faults: list[Fault]) -> None:
        line = "" if place.line is None else f" (line {place.line})"
        for each in faults:
            field = "" if each["field"] in ("body", "parameters") else f".{each['field']}"
            self.faults.append(fault(place.path + field, each["message"] + line))
            if len(self.faults) == MAX_FAULTS:
                raise bad_request(*self.faults)


def _is_of_one_value(detail: ErrorDetails) -> bool:
    """Whether the fault is independent of other parameters: not a missing one, not a contradiction."""
    return len(detail["loc"]) > 1 or (bool(detail["loc"]) and detail["type"] != "missing")
