"""RQ's dashboard, restricted and hardened.

It shows RQ's copy of our jobs, not the records: a request whose waiting job is deleted here ends as
`timeout`, and one that has ended stays ended, even if its job is requeued.
"""

import base64
import hashlib
import re
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import rq
from flask import Flask, Response, current_app, request
from redis import Redis
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from rq.worker.base import BaseWorker
from rq_dashboard import web
from werkzeug.exceptions import HTTPException

from api.errors import ApiError, ErrorCode
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.redis.connection import connect

READS = {
    "static",
    *(
        f"rq_dashboard.{view}"
        for view in (
            "static",
            "favicon",
            "queues_overview",
            "workers_overview",
            "jobs_overview",
            "job_view",
            "list_queues",
            "list_workers",
            "list_jobs",
            "job_info",
        )
    ),
}
"""The read-only views. By name, because `requeue_all` accepts GET too."""

INLINE_SCRIPT = re.compile(rb'<script type="text/javascript">(.*?)</script>', re.DOTALL)


class JsonJob(rq.job.Job):
    """A job read as JSON, as ours are: RQ's default would unpickle the contents of Redis."""

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> "JsonJob":  # noqa: ARG003
        return cast(JsonJob, super().fetch(id, connection, JSONSerializer))


class JsonWorker(rq.Worker):
    @classmethod
    def all(cls, connection: Redis) -> list[BaseWorker]:  # type: ignore[override]
        return super().all(connection, job_class=JsonJob, serializer=JSONSerializer)


class OurQueue(rq.Queue):
    """Our queue by default. RQ removes a job from the queue if it cannot load it; this class does not."""

    def __init__(self, name: str = keyspace.QUEUE, *args: Any, **options: Any) -> None:
        super().__init__(name, *args, **options)

    def remove(self, *_: Any, **__: Any) -> int:
        return 0


def create_pages(settings: Settings) -> Flask:
    """The WSGI application. It raises `ApiError`, which the API handles."""
    # Names in the dashboard's module, which has no other way to configure them.
    web.config.serializer = JSONSerializer
    web.Job, web.Worker, web.Queue = JsonJob, JsonWorker, OurQueue
    web.requeue_job = partial(rq.requeue_job, serializer=JSONSerializer)
    web.from_url = _connection
    app = Flask("rq_dashboard", static_folder=Path(web.__file__).with_name("static"))
    app.config.update(
        REDIS=connect(settings),
        RQ_DASHBOARD_REDIS_URL=["Redis"],  # only displayed
        RQ_DASHBOARD_DISABLE_DELETE=not settings.rq_dashboard_writes,
        PROPAGATE_EXCEPTIONS=True,
    )
    app.redis_conn = app.config["REDIS"]  # type: ignore[attr-defined]
    app.register_blueprint(web.blueprint)
    app.before_request(partial(_refuse_changes, settings.rq_dashboard_writes))
    app.after_request(_allow_inline_scripts)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(NoSuchJobError, _no_such_job)
    return app


def _connection(*_: Any, **__: Any) -> tuple[None, Redis]:
    return None, current_app.config["REDIS"]


def _refuse_changes(writes: bool) -> None:
    if request.endpoint in READS or request.endpoint is None:
        return
    if not writes:
        text = "this dashboard is read-only: SUPERIMPOSE_RQ_DASHBOARD_WRITES=true allows delete and requeue"
        raise ApiError(ErrorCode.READ_ONLY, text)
    if request.method != "POST":
        raise ApiError(ErrorCode.METHOD_NOT_ALLOWED, "this path takes POST")
    # A browser sends the password with requests from any page, and names that page in Origin.
    if urlsplit(request.headers.get("Origin", request.host_url)).netloc != request.host:
        raise ApiError(ErrorCode.OTHER_ORIGIN, "changes are accepted only from the dashboard's own pages")


def _allow_inline_scripts(response: Response) -> Response:
    """Each page has one inline script, which compiles templates, and inline styles."""
    if response.mimetype == "text/html":
        scripts = [hashlib.sha256(text).digest() for text in INLINE_SCRIPT.findall(response.get_data())]
        hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in scripts)
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' 'unsafe-eval' {hashes}; style-src 'self'; "
            "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
    return response


def _http_error(error: HTTPException) -> Response:
    if error.code == 405:
        raise ApiError(ErrorCode.METHOD_NOT_ALLOWED, "this path does not take this method")
    raise ApiError(ErrorCode.NOT_FOUND, "no such page; the dashboard is at /admin/rq/") from error


def _no_such_job(_: NoSuchJobError) -> Response:
    text = "RQ has no such job: it keeps jobs for a minute after their end; see the status of the request"
    raise ApiError(ErrorCode.NOT_FOUND, text)
