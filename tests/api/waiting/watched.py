"""The API with a route that counts waiting calls: `python -m tests.api.waiting.watched --port PORT`."""

import asyncio
import sys

from fastapi import FastAPI, Request

from api.admission import ServiceDep
from api.app import create_app
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute
from cli.serve import roles
from cli.serve.listening import bind
from jobs.config.settings import Settings


async def watched(_: Request, service: ServiceDep) -> JsonResponse:
    """The number of waiting calls, and of tasks without those of this call."""
    tasks = len(asyncio.all_tasks()) - 1
    return JsonResponse({"waiting": service.changes.watchers, "tasks": tasks})


def create_watched_app(settings: Settings) -> FastAPI:
    """The API with one more route."""
    api = create_app(settings)
    api.router.routes.append(PlainRoute("/watched", watched))
    return api


if __name__ == "__main__":
    roles.create_app = create_watched_app
    roles.run_api_on(bind("127.0.0.1", int(sys.argv[-1])))
