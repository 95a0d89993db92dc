"""Runs the roles of the service: API, workers, webhooks."""

import gc
import math
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping

import uvicorn
from prometheus_client import start_http_server
from starlette.types import ASGIApp

from api.app import create_app, with_headers
from api.http.connection import connection_class
from api.http.server import Server
from cli.printing import ExitCode, stop
from cli.serve.listening import CannotListen, bind, local_url
from cli.serve.supervisor import Supervisor
from jobs.config.settings import Settings
from jobs.redis.connection import await_redis, connect
from jobs.webhooks.secrets import WebhookSecrets, WebhooksOff
from telemetry.logs import set_up_logs
from telemetry.metrics import collect
from telemetry.processes import counting_as, shared_directory
from webhooks.sender import send_events

API = (sys.executable, "-P", "-m", "cli", "api")  # -P: do not import modules from the current folder
WEBHOOKS = (sys.executable, "-P", "-m", "cli", "webhooks")
WORKER = (sys.executable, "-P", "-m", "worker")
SPARE_S = 5  # for cleanup after the last response or job
OTHER_FILES = 256  # open files that are not connections of clients


def run_api(host: str, port: int, processes: int | None) -> None:
    """Serve the API until SIGTERM or SIGINT, then finish open responses. Raises `CannotListen`."""
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
    """Start API processes that share the socket; their metrics go to the directory, if any."""
    for number in range(1, processes + 1):
        name = "api" if processes == 1 else f"api-{number}"
        command = (*API, "--fd", str(listener.fileno()))
        supervisor.start(name, command, {**env, **counting_as(name, metrics_in)}, listens_on=listener)


def start_workers(
    supervisor: Supervisor, processes: int, env: Mapping[str, str], metrics_in: str | None
) -> None:
    for number in range(1, processes + 1):
        name = f"worker-{number}"
        supervisor.start(name, WORKER, {**env, **counting_as(name, metrics_in)})


def run_api_on(listener: socket.socket) -> None:
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # `nohup` ignores it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    settings = Settings()
    set_up_logs(settings.log_format)
    with connect(settings) as redis:
        await_redis(redis)
    raise_file_limit(settings.max_connections + OTHER_FILES)
    api = create_app(settings)
    app = with_headers(api, settings)
    gc.freeze()  # the garbage collector skips everything loaded so far
    serve(app, settings, listener, before_stop=lambda: api.state.service.changes.stop())


def serve(
    app: ASGIApp, settings: Settings, listener: socket.socket, before_stop: Callable[[], None] = lambda: None
) -> None:
    """Serve `app` over HTTP/1.1, with the limits and trusted proxies of the settings.

    `before_stop` is called at SIGTERM, then open responses are finished. Raises `SystemExit` if the server
    does not start.
    """
    config = uvicorn.Config(
        app,
        http=connection_class(settings),
        ws="none",
        log_config=None,
        access_log=False,
        reset_contextvars=True,  # log context of a call must not leak into the next one on the connection
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
    settings = Settings()
    set_up_logs(settings.log_format)
    try:
        WebhookSecrets(settings).check()
    except WebhooksOff as error:
        raise stop(str(error), ExitCode.USAGE) from None
    with connect(settings) as redis:
        await_redis(redis)
    raise_file_limit(settings.webhook_concurrency + OTHER_FILES)
    if settings.metrics_port:
        serve_metrics(settings.metrics_host, settings.metrics_port)
    send_events(settings)


def serve_metrics(host: str, port: int, directory: str | None = None) -> None:
    """Serve in a thread the sum over all processes that share `directory`, or this process's metrics.

    Raises `CannotListen`.
    """
    try:
        start_http_server(port, host, collect(directory=directory))
    except OSError as error:
        raise CannotListen(
            f"cannot serve metrics on {host}:{port} ({error.strerror}): "
            "give another SUPERIMPOSE_METRICS_PORT or SUPERIMPOSE_METRICS_HOST"
        ) from None


def raise_file_limit(needed: int) -> None:
    """Raise the soft limit on open files, often 1024, to `needed` or the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
