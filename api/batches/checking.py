"""Checks the requests of a batch, one after another, and keeps the first faults of all of them."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from api.batches.body import BatchHead, Member
from api.http.body import MAX_COMMAS, Fault, bad_request, explain, fault
from api.submit_body import BODIES, QUICK, BodyRules, SubmitBody
from jobs.batches.opening import MAX_REQUESTS

NAMED_FAULTS = 100
TURN = 10  # requests that are checked before other calls have their turn


class Place(NamedTuple):
    """Where in the body; `line` is that of NDJSON."""

    path: str
    line: int | None = None


DEFAULTS = Place("defaults")


class Checked(NamedTuple):
    """A request without faults, with the defaults."""

    place: Place
    body: SubmitBody


class BatchCheck:
    """`timeouts`: what of the deadlines the client said itself."""

    def __init__(self, model: str, head: BatchHead, rules: BodyRules, timeouts: Mapping[str, int]) -> None:
        self._model = model
        self._body = BODIES[model]
        self._rules = rules
        self.count = 0
        self._indices = dict[str, int]()  # by custom_id
        self._faults = list[Fault]()
        self.defaults: Mapping[str, Any] = head.defaults or {}
        """As they were sent; empty where they have faults, and requests are checked on their own."""
        said = [model, timeouts, head.webhook_url, self.defaults]
        self._said = sha256(json.dumps(said, sort_keys=True).encode())
        self._faults += rules.webhook_faults({"webhook_url": head.webhook_url})
        faults = [*self._faults_of_defaults()]
        self._note(DEFAULTS, faults)
        if faults:
            self.defaults = {}
        self._on_their_own = bool(faults)

    @property
    def is_refused(self) -> bool:
        return bool(self._faults)

    @property
    def fingerprint(self) -> str:
        """Of all that was submitted, in whichever form."""
        return self._said.hexdigest()

    async def check(self, member: Member) -> Checked | None:
        """The next request; None if it has a fault.

        Raises 400 for the last fault that is named, and for a request too many.
        """
        index = self.count
        self.count += 1
        if index % TURN == 0:
            await asyncio.sleep(0)
        if index == MAX_REQUESTS:
            self._faults.append(fault("requests", f"must have at most {MAX_REQUESTS} items"))
            raise bad_request(self._faults)
        if len(member.text) < QUICK:
            found, faults = self._checked(index, member.text)
        else:
            found, faults = await run_in_threadpool(self._checked, index, member.text)
        place = Place(f"requests[{index}]", member.line)
        self._note(place, faults)
        return None if found is None or faults else Checked(place, found)

    def refuse(self, place: Place, faults: Mapping[str, str]) -> None:
        """Note what submission finds of the pictures there, by their paths. Raises as `check`."""
        self._note(place, [fault(name, text) for name, text in faults.items()])

    def finish(self) -> None:
        """Raises 400 with all faults, of which no request at all is one."""
        if not self.count and not self._faults:
            self._faults.append(fault("requests", "must have at least 1 item"))
        if self._faults:
            raise bad_request(self._faults)

    def _faults_of_defaults(self) -> Iterator[Fault]:
        if "custom_id" in self.defaults:
            yield fault("custom_id", "is the name of one request: give it in requests")
        try:
            self._body.model_validate(dict(self.defaults))
        except ValidationError as error:
            yield from explain(error, self._body, _is_of_a_value)
        yield from self._rules.webhook_faults({"webhook_url": self.defaults.get("webhook_url")})
        yield from self._rules.picture_faults(self.defaults)

    def _checked(self, index: int, text: bytes) -> tuple[SubmitBody | None, list[Fault]]:
        if text.count(b",") > MAX_COMMAS:
            return None, [fault("body", "has too many values")]
        try:
            own = from_json(text)
        except ValueError as error:
            return None, [fault("body", f"must be one JSON object: {error}")]
        if not isinstance(own, dict):
            return None, [fault("body", "must be one JSON object")]
        faults = [*self._name_again(index, own.get("custom_id"))]
        try:
            found = SubmitBody.of(self._body.model_validate({**self.defaults, **own}), self._model)
        except ValidationError as error:
            told = explain(error, self._body, _is_of_a_value if self._on_their_own else bool)
            return None, [*faults, *told, *self._rules.faults(own)]
        faults += self._rules.webhook_faults(vars(found.options))
        if faults:
            faults += self._rules.picture_faults(own)
        self._add_to_fingerprint(found, own)
        return found, faults

    def _name_again(self, index: int, custom_id: Any) -> Iterator[Fault]:
        if isinstance(custom_id, str) and (first := self._indices.setdefault(custom_id, index)) != index:
            yield fault("custom_id", f"is that of requests[{first}] too: each needs its own")

    def _add_to_fingerprint(self, found: SubmitBody, own: Mapping[str, Any]) -> None:
        """What it says itself: defaults may be large, and are in it already."""
        said = {name: found.params.get(name) for name in sorted(own)}
        self._said.update(to_json([said, found.options.given]))

    def _note(self, place: Place, faults: list[Fault]) -> None:
        where = "" if place.line is None else f" (line {place.line})"
        for each in faults:
            field = "" if each["field"] in ("body", "parameters") else f".{each['field']}"
            self._faults.append(fault(place.path + field, each["message"] + where))
            if len(self._faults) == NAMED_FAULTS:
                raise bad_request(self._faults)


def _is_of_a_value(detail: ErrorDetails) -> bool:
    """Whether it is wrong whatever else is said: not that something lacks or contradicts another."""
    return len(detail["loc"]) > 1 or (bool(detail["loc"]) and detail["type"] != "missing")
