"""One role each, as containers and fleets run them."""

import gc
import math
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping

import uvicorn
from starlette.types import ASGIApp

from api.app import create_app, with_headers
from api.http.connection import connection_class
from api.http.server import Server
from cli.exit_codes import ExitCode, stop
from cli.serve.listening import bind, local_url
from cli.serve.metrics_server import serve_metrics
from cli.serve.supervisor import Supervisor
from jobs.config.settings import Settings
from jobs.redis.connection import await_redis, connect
from jobs.webhooks.secrets import WebhookSecrets, WebhooksOff
from telemetry.logs import set_up_logs
from telemetry.processes import counting_as, shared_directory
from webhooks.run import send_events

API = (sys.executable, "-P", "-m", "cli", "api")  # -P: no module of the current folder takes its place
WEBHOOKS = (sys.executable, "-P", "-m", "cli", "webhooks")
WORKER = (sys.executable, "-P", "-m", "worker")
SPARE_S = 5  # what is left to do after the last answer, or after the job at hand
FILES_BESIDE = 256  # open files that are not connections of clients


def run_api(host: str, port: int, processes: int | None) -> None:
    """Serve the API until SIGTERM or SIGINT, finishing open answers. Raises `CannotListen`."""
    settings = Settings()
    listener = bind(host, port)
    if (processes or settings.api_workers) == 1:
        run_api_on(listener)
    else:
        with (
            shared_directory(settings.metrics) as directory,
            Supervisor(_api_grace_s(settings) + SPARE_S, settings.log_format) as supervisor,
        ):
            start_api(supervisor, listener, processes or settings.api_workers, {}, directory)
            supervisor.run()


def start_api(
    supervisor: Supervisor,
    listener: socket.socket,
    processes: int,
    env: Mapping[str, str],
    metrics_in: str | None,
) -> None:
    """Start processes of the API that all accept from one socket, and count in one directory."""
    for number in range(1, processes + 1):
        name = "api" if processes == 1 else f"api-{number}"
        command = (*API, "--fd", str(listener.fileno()))
        supervisor.start(name, command, {**env, **counting_as(name, metrics_in)}, listens_on=listener)


def start_workers(
    supervisor: Supervisor, processes: int, env: Mapping[str, str], metrics_in: str | None
) -> None:
    """Start worker processes, which count in one directory."""
    for number in range(1, processes + 1):
        name = f"worker-{number}"
        supervisor.start(name, WORKER, {**env, **counting_as(name, metrics_in)})


def run_api_on(listener: socket.socket) -> None:
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not where `nohup` has it ignored
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    settings = Settings()
    set_up_logs(settings.log_format)
    with connect(settings) as redis:
        await_redis(redis)
    _allow_files(settings.max_connections + FILES_BESIDE)
    api = create_app(settings)
    app = with_headers(api, settings)
    gc.freeze()  # what is there now stays: the collector need not look through all of it again and again
    serve(app, settings, listener, before_stop=lambda: api.state.service.changes.stop())


def serve(
    app: ASGIApp, settings: Settings, listener: socket.socket, before_stop: Callable[[], None] = lambda: None
) -> None:
    """Serve `app` over HTTP/1.1, with the bounds and the trust in proxies that the settings say.

    `before_stop` is called at SIGTERM, then open answers are finished. Raises `SystemExit` where it could
    not start.
    """
    config = uvicorn.Config(
        app,
        http=connection_class(settings),
        ws="none",
        log_config=None,
        access_log=False,
        reset_contextvars=True,  # what the log says of a call is not for the next one on its connection
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=_api_grace_s(settings),
    )
    url = settings.public_url or local_url(*listener.getsockname()[:2])
    server = Server(config, url, before_stop)
    server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(1)


def _api_grace_s(settings: Settings) -> int:
    return math.ceil(settings.sync_timeout_s) + SPARE_S


def run_workers(workers: int | None) -> None:
    """Run worker processes until SIGTERM or SIGINT, letting each finish its job."""
    settings = Settings()
    with (
        shared_directory(settings.metrics_port is not None) as directory,
        Supervisor(settings.drain_timeout_s + SPARE_S, settings.log_format) as supervisor,
    ):
        if settings.metrics_port and directory:
            serve_metrics(settings.metrics_host, settings.metrics_port, directory)
        start_workers(supervisor, workers or settings.workers, {}, directory)
        supervisor.run()


def run_webhooks() -> None:
    """Send the events of ended requests until SIGTERM or SIGINT."""
    settings = Settings()
    set_up_logs(settings.log_format)
    try:
        WebhookSecrets(settings).check()
    except WebhooksOff as error:
        raise stop(str(error), ExitCode.USAGE) from None
    with connect(settings) as redis:
        await_redis(redis)
    _allow_files(settings.webhook_concurrency + FILES_BESIDE)
    if settings.metrics_port:
        serve_metrics(settings.metrics_host, settings.metrics_port)
    send_events(settings)


def start_webhooks(supervisor: Supervisor, env: Mapping[str, str], metrics_in: str | None) -> None:
    """Start a process that sends events, and counts in a directory that it may share."""
    supervisor.start("webhooks", WEBHOOKS, {**env, **counting_as("webhooks", metrics_in)})


def _allow_files(wanted: int) -> None:
    """Raise the soft limit on open files, often 1024, as far as it is wanted and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
