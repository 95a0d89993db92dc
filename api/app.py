"""The application: routes, errors and what runs beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from copy import copy
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from api import errors, openapi
from api.http.headers import AnswerHeaders, with_cors
from api.http.json_response import JsonResponse
from api.http.observability import ObservedCalls, count_call, log_call
from api.http.route_classes import PlainRoute
from api.pages import routes as pages
from api.routes import (
    admin,
    batches,
    credits,
    health,
    metrics,
    own_requests,
    pictures,
    requests,
    rq_dashboard,
    submit,
    uploads,
    webhooks,
)
from api.service import Service
from jobs.config.settings import Settings
from jobs.maintenance.background import background

NOT_FASTAPIS: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own could be switched on from the environment, and would export query strings."""


class Api(FastAPI):
    """FastAPI with Starlette's middleware: hot routes pay for no layer that only FastAPI's own need."""

    def build_middleware_stack(self) -> ASGIApp:
        return Starlette.build_middleware_stack(self)


def create_app(settings: Settings) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Service.open(settings) as service, asyncio.TaskGroup() as beside:
            app.state.service = service
            listening = beside.create_task(service.changes.listen())
            with background(settings):
                yield
            listening.cancel()

    app = Api(
        title="Superimpose",
        summary="Overlays one picture on another: submit, poll, fetch the picture.",
        version=version("superimpose"),
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": settings.public_url}] if settings.public_url else None,
        default_response_class=JsonResponse,
        redirect_slashes=False,
        telemetry=NOT_FASTAPIS,
    )
    errors.install(app)
    openapi.install(app)
    parts = [requests, submit, own_requests, batches, pictures, uploads, credits, webhooks, health]
    if settings.docs:
        parts += [openapi, pages]
    if settings.admin_key:
        parts.append(admin)
    if settings.metrics:
        parts.append(metrics)
    for part in parts:
        # `include_router` would look for each route twice
        app.router.routes.extend(map(_with_exit_stack, part.router.routes))
    if settings.admin_key:
        app.router.routes.extend(rq_dashboard.routes(settings))
    return app


def _with_exit_stack(route: BaseRoute) -> BaseRoute:
    """`route`, in the layer that FastAPI's own need, as a copy: routers are shared by apps."""
    if not isinstance(route, APIRoute) or isinstance(route, PlainRoute):
        return route
    route = copy(route)
    route.app = AsyncExitStackMiddleware(route.app)
    return route


def with_headers(app: FastAPI, settings: Settings) -> ASGIApp:
    """`app` as it faces the world: every answer, our own faults included, with all its headers."""
    complete: ASGIApp = AnswerHeaders(with_cors(app, settings.cors_origins))
    wanted = {count_call: settings.metrics, log_call: settings.access_log}
    observers = [each for each, is_wanted in wanted.items() if is_wanted]
    return ObservedCalls(complete, observers) if observers else complete
