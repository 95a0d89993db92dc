"""`superimpose up`: Redis, API and workers in one terminal, and a request to paste."""

import os
import shlex
import time
from pathlib import Path

import httpx
import typer

from cli.exit_codes import stop
from cli.listening import CannotListen, bind
from cli.redis_server import RedisUnavailable, await_ready, server_command
from cli.roles import SPARE_S, start_api, start_workers
from cli.supervisor import Supervisor
from jobs.key_text import new_key
from jobs.settings import Settings
from telemetry.processes import shared_directory

GRACE_S = 8  # at Ctrl-C: people wait less than deploys do
READY_TIMEOUT_S = 30


def run(host: str, port: int, workers: int | None, api_workers: int | None, data_dir: Path | None) -> None:
    """Run everything until Ctrl-C."""
    settings = Settings(data_dir=data_dir) if data_dir else Settings()
    try:
        key = settings.dev_api_key or kept_key(settings.data_dir / "dev-api-key")
    except OSError as error:
        raise stop(f"SUPERIMPOSE_DATA_DIR cannot be used: {error}") from None
    env = {
        "SUPERIMPOSE_REDIS_URL": settings.effective_redis_url,
        "SUPERIMPOSE_DATA_DIR": str(settings.data_dir),
        "SUPERIMPOSE_DEV_API_KEY": key,
        "SUPERIMPOSE_DRAIN_TIMEOUT_S": str(min(settings.drain_timeout_s, GRACE_S - SPARE_S)),
    }
    supervisor = Supervisor(GRACE_S, settings.log_format)
    try:
        listener = bind(host, port)
        if not settings.redis_url:
            supervisor.start(
                "redis", server_command(settings.data_dir, settings.redis_socket), foundation=True
            )
            await_ready(settings.redis_socket, lambda: supervisor.stopping)
    except (RedisUnavailable, CannotListen, OSError) as error:
        supervisor.stop()
        typer.echo(f"superimpose: {error}", err=True)
        raise typer.Exit(1) from None
    url = settings.public_url or f"http://{reachable(host)}:{port}"
    with shared_directory(settings.metrics) as directory:
        start_api(supervisor, listener, api_workers or settings.api_workers, env, directory)
        start_workers(supervisor, workers or settings.workers, env, directory)
        supervisor.run(ready=lambda: greet(supervisor, url, key, settings.docs))


def reachable(host: str) -> str:
    """The host as it stands in a URL for somebody on this machine."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def kept_key(path: Path) -> str:
    """The key of this data directory, made at the first start and readable by its owner alone."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(new_key())
    return path.read_text().strip()


def greet(supervisor: Supervisor, url: str, key: str, docs: bool) -> None:
    """Say how to use the service, once it answers."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    with httpx.Client(timeout=1, trust_env=False) as client:
        while not supervisor.stopping and time.monotonic() < deadline:
            try:
                client.get(f"{url}/livez").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.1)
            else:
                typer.echo(greeting(url, key, docs))
                return


def greeting(url: str, key: str, docs: bool) -> str:
    """URL, key, and a request that works as pasted."""
    documentation = f"      documentation  {url}/docs" if docs else ""
    playground = f"\n  Try it in a browser:  {url}/#key={key}\n" if docs else ""
    body = (
        f'{{"base_image": "{url}/samples/cup.jpg", "overlay_image": "{url}/samples/logo.png", '
        '"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}'
    )
    return f"""
  Superimpose is up.   URL  {url}{documentation}
                       key  {key}
{playground}
  A logo on a cup, saved as cup-with-logo.jpg:

curl -sS {url}/v1/superimpose -H 'x-api-key: {key}' \\
  -H 'content-type: application/json' -o cup-with-logo.jpg \\
  -d {shlex.quote(body)}

  Ctrl-C stops everything; accepted requests are kept.
"""
