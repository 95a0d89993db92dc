"""The ASGI application: routes, error handlers, background tasks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from copy import copy
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp

from api import openapi
from api.exception_handlers import HANDLERS, log_once
from api.http.observability import ObservedCalls, count_call, log_call
from api.http.responses import ResponseHeaders, with_cors
from api.http.route_classes import PlainRoute
from api.pages import routes as pages
from api.routes import (
    admin,
    batches,
    credits,
    health,
    metrics,
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

NO_FASTAPI_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's telemetry could be switched on from the environment, and would export query strings."""


class Api(FastAPI):
    """FastAPI with Starlette's middleware stack and routing, which take less time for plain routes."""

    def build_middleware_stack(self) -> ASGIApp:
        self.router.middleware_stack = partial(Router.app, self.router)
        return Starlette.build_middleware_stack(self)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            openapi.complete(super().openapi())
        return super().openapi()


def create_app(settings: Settings) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Service.open(settings) as service, asyncio.TaskGroup() as tasks:
            app.state.service = service
            listener = tasks.create_task(service.changes.listen())
            with background(settings):
                yield
            listener.cancel()

    modules = [requests, submit, batches, pictures, uploads, credits, webhooks, health]
    if settings.docs:
        modules += [openapi, pages]
    if settings.admin_key:
        modules.append(admin)
    if settings.metrics:
        modules.append(metrics)
    routes = [route for module in modules for route in module.router.routes]
    if settings.admin_key:
        routes += rq_dashboard.routes(settings)
    log_once()
    return Api(
        title="Superimpose",
        summary="Overlays one picture on another: submit, poll, fetch the picture.",
        version=version("superimpose"),
        servers=[{"url": settings.public_url}] if settings.public_url else None,
        openapi_url=None,  # api/openapi.py serves the document, api/pages/ its page
        docs_url=None,
        redoc_url=None,
        routes=[_with_exit_stack(route) for route in routes],
        exception_handlers=dict(HANDLERS),
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=NO_FASTAPI_TELEMETRY,
    )


def _with_exit_stack(route: BaseRoute) -> BaseRoute:
    """A copy of `route` in the exit stack that FastAPI's routes need; routers are shared by all apps."""
    if not isinstance(route, APIRoute) or isinstance(route, PlainRoute):
        return route
    route = copy(route)
    route.app = AsyncExitStackMiddleware(route.app)
    return route


def with_headers(app: FastAPI, settings: Settings) -> ASGIApp:
    """`app` with the outer middleware, so that 500 responses get all headers and are observed too."""
    wrapped: ASGIApp = ResponseHeaders(with_cors(app, settings.cors_origins))
    enabled = {count_call: settings.metrics, log_call: settings.access_log}
    observers = [observer for observer, is_enabled in enabled.items() if is_enabled]
    return ObservedCalls(wrapped, observers) if observers else wrapped
