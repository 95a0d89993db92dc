"""The API, which also tells how many calls wait and run: `python -m tests.api.watched --port PORT`."""

import asyncio
import sys

from fastapi import Request

from api.app import create_app, with_headers
from api.direct import DirectRoute
from api.json_response import JsonResponse
from api.service import service_of
from cli.listening import bind
from cli.roles import serve
from jobs.logs import set_up_logs
from jobs.settings import Settings


async def watched(request: Request) -> JsonResponse:
    """Calls that wait, and tasks of the event loop, this call's own not counted."""
    tasks = len(asyncio.all_tasks()) - 1
    return JsonResponse({"waiting": service_of(request).changes.watchers, "tasks": tasks})


if __name__ == "__main__":
    set_up_logs()
    settings = Settings()
    api = create_app(settings)
    api.router.routes.append(DirectRoute("/watched", watched))
    listener = bind("127.0.0.1", int(sys.argv[-1]))
    serve(with_headers(api, settings), settings, listener, lambda: api.state.service.changes.stop())
