"""One role each, as containers and fleets run them."""

import math
import resource
import sys

import uvicorn
from starlette.types import ASGIApp

from api.app import create_app, with_headers
from api.connection import connection_class
from cli.supervisor import Supervisor
from jobs.logs import set_up_logs
from jobs.settings import Settings

WORKER = (sys.executable, "-P", "-m", "worker")  # -P: no module of the current folder takes its place
SPARE_S = 5  # what is left to do after the last answer, or after the job at hand
FILES_BESIDE = 256  # open files that are not connections of clients


def run_api(host: str, port: int) -> None:
    """Serve the API until SIGTERM or SIGINT, finishing open answers."""
    settings = Settings()
    set_up_logs()
    _allow_files(settings.max_connections + FILES_BESIDE)
    serve(with_headers(create_app(settings), settings), settings, host, port)


def serve(app: ASGIApp, settings: Settings, host: str, port: int) -> None:
    """Serve `app` over HTTP/1.1, with the bounds and the trust in proxies that the settings say."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=connection_class(settings),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=math.ceil(settings.sync_timeout_s) + SPARE_S,
    )


def run_workers(workers: int | None) -> None:
    """Run worker processes until SIGTERM or SIGINT, letting each finish its job."""
    settings = Settings()
    supervisor = Supervisor(grace_s=settings.drain_timeout_s + SPARE_S)
    for number in range(1, (workers or settings.workers) + 1):
        supervisor.start(f"worker-{number}", WORKER)
    supervisor.run()


def _allow_files(wanted: int) -> None:
    """Raise the soft limit on open files, often 1024, as far as it is wanted and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
