"""The application: routes, errors and what runs beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp

from api import errors, openapi
from api.direct import short_cut
from api.http.access_log import log_call
from api.http.answered import AnsweredCalls
from api.http.cors import with_cors
from api.http.counted import count_call
from api.http.headers import AnswerHeaders
from api.http.json_response import JsonResponse
from api.pages import routes as pages
from api.routes import (
    admin,
    credits,
    health,
    metrics,
    pictures,
    requests,
    rq_dashboard,
    submit,
    uploads,
)
from api.service import Service
from jobs.config.settings import Settings
from jobs.maintenance.background import background

NOT_FASTAPIS: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own could be switched on from the environment, and would export query strings."""


def create_app(settings: Settings) -> FastAPI:
    """The API over the given settings; connections open when it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Service.open(settings) as service, asyncio.TaskGroup() as beside:
            app.state.service = service
            listening = beside.create_task(service.changes.listen())
            with background(settings):
                yield
            listening.cancel()

    app = FastAPI(
        title="Superimpose",
        summary="Overlays one picture on another: submit, poll, fetch the picture.",
        version=version("superimpose"),
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": settings.public_url}] if settings.public_url else None,
        default_response_class=JsonResponse,
        redirect_slashes=False,
        telemetry=NOT_FASTAPIS,
    )
    errors.install(app)
    openapi.install(app)
    for part in (requests, submit, pictures, uploads, credits, health):
        app.router.routes.extend(part.router.routes)  # `include_router` would look for each route twice
    if settings.docs:
        app.include_router(pages.router)
    if settings.admin_key:
        app.include_router(admin.router)
        app.router.routes.extend(rq_dashboard.routes(settings))
    if settings.metrics:
        app.router.routes.extend(metrics.router.routes)
    return app


def with_headers(app: FastAPI, settings: Settings) -> ASGIApp:
    """`app` as it faces the world: every answer, our own faults included, with all its headers."""
    answering: ASGIApp = AnswerHeaders(with_cors(short_cut(app), settings.cors_origins))
    wanted = {count_call: settings.metrics, log_call: settings.access_log}
    tell = [each for each, is_wanted in wanted.items() if is_wanted]
    return AnsweredCalls(answering, tell) if tell else answering
