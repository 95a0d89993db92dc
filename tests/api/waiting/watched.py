"""The API with a route that counts waiting calls: `python -m tests.api.waiting.watched --port PORT`."""

import asyncio
import sys

from fastapi import FastAPI, Request

from api.app import create_app
from api.http.responses import JsonResponse
from api.service import service_of
from cli.serve import roles
from cli.serve.listening import bind
from jobs.config.settings import Settings


async def watched(request: Request) -> JsonResponse:
    """The number of waiting calls, and of tasks without those of this call."""
    tasks = len(asyncio.all_tasks()) - 1
    return JsonResponse({"waiting": service_of(request).changes.watchers, "tasks": tasks})


def create_watched_app(settings: Settings) -> FastAPI:
    """The API with one more route."""
    api = create_app(settings)
    api.add_route("/watched", watched)
    return api


if __name__ == "__main__":
    roles.create_app = create_watched_app
    roles.run_api_on(bind("127.0.0.1", int(sys.argv[-1])))
