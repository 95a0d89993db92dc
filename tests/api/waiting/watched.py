"""The API, telling also how many calls wait and run: `python -m tests.api.waiting.watched --port PORT`."""

import asyncio
import sys

from fastapi import FastAPI, Request

from api.app import create_app
from api.direct import DirectRoute
from api.http.json_response import JsonResponse
from api.service import service_of
from cli.serve import roles
from cli.serve.listening import bind
from jobs.config.settings import Settings


async def watched(request: Request) -> JsonResponse:
    """Calls that wait, and tasks of the event loop, this call's own not counted."""
    tasks = len(asyncio.all_tasks()) - 1
    return JsonResponse({"waiting": service_of(request).changes.watchers, "tasks": tasks})


def create_watched_app(settings: Settings) -> FastAPI:
    """The API with one route more."""
    api = create_app(settings)
    api.router.routes.append(DirectRoute("/watched", watched))
    return api


if __name__ == "__main__":
    roles.create_app = create_watched_app
    roles.run_api_on(bind("127.0.0.1", int(sys.argv[-1])))
