"""`?wait=SECONDS`: hold the response until the request has ended."""

import re
from typing import Annotated

from fastapi import Depends, Query, Request

from api.admission import RequestState, read_owned_request
from api.http.body import bad_request, fault
from api.service import Service
from api.waiting.call import wait_on_request
from jobs.lifecycle.record import View

LONGEST_S = 60
NUMBER = re.compile(r"\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)  # as in JSON, without a sign
SHOWN = 20  # characters of a refused value


async def _describe(
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_S,
            description="Seconds to wait for the request to be COMPLETED or FAILED; after that the response "
            "has the current status. 0: do not wait.",
        ),
    ] = 0,
) -> None: ...


WAIT = Depends(_describe)  # for the OpenAPI document


async def await_end(request: Request, service: Service, request_id: str, view: View) -> RequestState:
    """The request once it has ended, or its state when the wait is over. Raises 400, 401, 404, 429."""
    with wait_on_request(request, request_id, view) as call:
        state = await read_owned_request(request, service, request_id, view)
        wait_s = read_wait(request)
        return state if state.has_ended or not wait_s else await call.await_end(wait_s)


def read_wait(request: Request) -> float:
    """The query parameter `wait`, in seconds. Raises 400."""
    text = request.query_params.get("wait", "0")
    seconds = float(text) if NUMBER.fullmatch(text) else None
    if seconds is None or seconds > LONGEST_S:
        message = f"{text[:SHOWN]!a} is not a number of seconds from 0 to {LONGEST_S}"
        raise bad_request([fault("wait", message)])
    return seconds
