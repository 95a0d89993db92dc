"""The pages of RQ's dashboard, made to keep what we promise.

They show RQ's copy of our jobs. The records are the truth: a request whose waiting job is deleted here ends
as `timeout`, and one that has ended stays so, whatever is requeued.
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

from api.errors import ApiError
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
"""Its views that change nothing. By name, as `requeue_all` takes GET too."""

INLINE_SCRIPT = re.compile(rb'<script type="text/javascript">(.*?)</script>', re.DOTALL)


class JsonJob(rq.job.Job):
    """Is read as what ours are: the views' own calls would unpickle what Redis holds."""

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> "JsonJob":  # noqa: ARG003
        """As RQ's."""
        return cast(JsonJob, super().fetch(id, connection, JSONSerializer))


class JsonWorker(rq.Worker):
    """The same for the jobs of workers."""

    @classmethod
    def all(cls, connection: Redis) -> list[BaseWorker]:  # type: ignore[override]
        """As RQ's."""
        return super().all(connection, job_class=JsonJob, serializer=JSONSerializer)


class OurQueue(rq.Queue):
    """Ours where none is named. RQ takes a job out of a queue that it looks for and does not find; this one
    does not.
    """

    def __init__(self, name: str = keyspace.QUEUE, *args: Any, **options: Any) -> None:
        super().__init__(name, *args, **options)

    def remove(self, *_: Any, **__: Any) -> int:
        """Nothing is."""
        return 0


def create_pages(settings: Settings) -> Flask:
    """The WSGI application. Its errors are raised as the API's own."""
    # Names in its module: it has no other way to be told of these.
    web.config.serializer = JSONSerializer
    web.Job, web.Worker, web.Queue = JsonJob, JsonWorker, OurQueue
    web.requeue_job = partial(rq.requeue_job, serializer=JSONSerializer)
    web.from_url = _connection
    app = Flask("rq_dashboard", static_folder=Path(web.__file__).with_name("static"))
    app.config.update(
        REDIS=connect(settings),
        RQ_DASHBOARD_REDIS_URL=["Redis"],  # is shown
        RQ_DASHBOARD_DISABLE_DELETE=not settings.rq_dashboard_writes,
        PROPAGATE_EXCEPTIONS=True,
    )
    app.redis_conn = app.config["REDIS"]  # type: ignore[attr-defined]
    app.register_blueprint(web.blueprint)
    app.before_request(partial(_refuse_changes, settings.rq_dashboard_writes))
    app.after_request(_allow_its_scripts)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(NoSuchJobError, _gone)
    return app


def _connection(*_: Any, **__: Any) -> tuple[None, Redis]:
    return None, current_app.config["REDIS"]


def _refuse_changes(writes: bool) -> None:
    if request.endpoint in READS or request.endpoint is None:
        return
    if not writes:
        text = "this dashboard only shows: SUPERIMPOSE_RQ_DASHBOARD_WRITES=true lets it delete and requeue"
        raise ApiError(403, "read_only", text)
    if request.method != "POST":
        raise ApiError(405, "method_not_allowed", "this path takes POST")
    # A browser adds the password to whatever any page makes it send here, and says which page that is.
    if urlsplit(request.headers.get("Origin", request.host_url)).netloc != request.host:
        raise ApiError(403, "other_origin", "changes are taken from the dashboard's own pages alone")


def _allow_its_scripts(answer: Response) -> Response:
    """Its pages have one script of their own each, templates that it compiles, and styles on elements."""
    if answer.mimetype == "text/html":
        scripts = [hashlib.sha256(text).digest() for text in INLINE_SCRIPT.findall(answer.get_data())]
        hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in scripts)
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' 'unsafe-eval' {hashes}; style-src 'self'; "
            "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
    return answer


def _refused(error: HTTPException) -> Response:
    if error.code == 405:
        raise ApiError(405, "method_not_allowed", "this path does not take this method")
    raise ApiError(404, "not_found", "no such page; the dashboard is at /admin/rq/") from error


def _gone(_: NoSuchJobError) -> Response:
    text = "RQ keeps no such job: it forgets one a minute after its end; its record says what became of it"
    raise ApiError(404, "not_found", text)
