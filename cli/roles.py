"""One role each, as containers and fleets run them."""

import sys

import uvicorn

from api.app import create_app
from cli.supervisor import Supervisor
from jobs.logs import set_up_logs
from jobs.settings import Settings

WORKER = (sys.executable, "-P", "-m", "worker")  # -P: no module of the current folder takes its place
SHUTDOWN_S = 10


def run_api(host: str, port: int) -> None:
    """Serve HTTP until SIGTERM or SIGINT, finishing open answers."""
    settings = Settings()
    set_up_logs()
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def run_workers(workers: int | None) -> None:
    """Run worker processes until SIGTERM or SIGINT, letting each finish its job."""
    settings = Settings()
    supervisor = Supervisor(grace_s=settings.attempt_timeout_s)
    for number in range(1, (workers or settings.workers) + 1):
        supervisor.start(f"worker-{number}", WORKER)
    supervisor.run()
