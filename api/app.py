"""The ASGI application: routes, error handlers, background tasks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.types import ASGIApp

from api import openapi
from api.exception_handlers import HANDLERS, log_once
from api.http.observability import ObservedCalls, count_call, log_call
from api.http.responses import ResponseHeaders, with_cors
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


def create_app(settings: Settings) -> Starlette:
    """The application, without FastAPI's layers around each call: FastAPI documents the routes."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
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
    app = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    log_once()
    return app


def with_headers(app: Starlette, settings: Settings) -> ASGIApp:
    """`app` with the outer middleware, so that 500 responses get all headers and are observed too."""
    wrapped: ASGIApp = ResponseHeaders(with_cors(app, settings.cors_origins))
    enabled = {count_call: settings.metrics, log_call: settings.access_log}
    observers = [observer for observer, is_enabled in enabled.items() if is_enabled]
    return ObservedCalls(wrapped, observers) if observers else wrapped
