"""`?wait=SECONDS`: an answer that comes when the request has ended."""

import re
from typing import Annotated

from fastapi import Depends, Query, Request

from api.dependencies import Seen, read_owned_request
from api.http.body import bad_request, fault
from api.service import Service
from api.waiting.call import waiting
from jobs.lifecycle.record import View

LONGEST_S = 60
NUMBER = re.compile(r"\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)  # as in JSON, without a sign
SHOWN = 20  # characters of a value that is refused


async def _describe(
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_S,
            description="Seconds that the answer may take: it comes as soon as the request is COMPLETED or "
            "FAILED, and at the latest then, with the status as it is. 0: at once.",
        ),
    ] = 0,
) -> None: ...


WAIT = Depends(_describe)  # documents the parameter


async def await_end(request: Request, service: Service, request_id: str, view: View) -> Seen:
    """The request once it is terminal, or as it is when the wait is over. Raises 400, 401, 404, 429."""
    with waiting(request, request_id, view) as call:
        seen = await read_owned_request(request, service, request_id, view)
        wait_s = read_wait(request)
        return seen if seen.has_ended or not wait_s else await call.await_end(wait_s)


def read_wait(request: Request) -> float:
    """The seconds that `wait` says. Raises 400."""
    text = request.query_params.get("wait", "0")
    seconds = float(text) if NUMBER.fullmatch(text) else None
    if seconds is None or seconds > LONGEST_S:
        message = f"{text[:SHOWN]!a} is not a number of seconds from 0 to {LONGEST_S}"
        raise bad_request([fault("wait", message)])
    return seconds
