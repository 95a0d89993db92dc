"""`superimpose up`: runs Redis and all roles in one terminal, and prints a request to paste."""

import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe

import httpx
from redis import ConnectionError, Redis, TimeoutError

from cli.printing import ExitCode, stop
from cli.serve.listening import CannotListen, bind, local_url
from cli.serve.redis_server import RedisUnavailable, await_ready, server_command
from cli.serve.roles import SPARE_S, WEBHOOKS, start_api, start_workers
from cli.serve.supervisor import Supervisor
from cli.serve.up_file import WEBHOOK_SECRET, AlreadyUp, holding
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.key_rules import new_key
from jobs.redis.connection import connect
from telemetry.processes import counting_as, shared_directory

GRACE_S = 8  # shorter than in deployments, as a person waits after Ctrl-C
PAUSE_S = 0.25
REDIS_SLOW_S = 1
API_SLOW_S = 15
LIVENESS_TIMEOUT_S = 1
SECRET_BYTES = 32
GOODBYE = "everything has stopped; accepted requests are kept for the next start"


def run(host: str, port: int, workers: int | None, api_workers: int | None, data_dir: Path | None) -> None:
    settings = Settings(data_dir=data_dir) if data_dir else Settings()
    url = local_url(host, port)
    try:
        with (
            holding(
                settings.data_dir,
                url,
                settings.redis_url,
                settings.storage_url,
                has_own_secret=not settings.webhook_secret,
            ),
            shared_directory(settings.metrics) as directory,
            Supervisor(GRACE_S, settings.log_format, GOODBYE) as supervisor,
            connect(settings) as redis,
            httpx.Client(base_url=url, timeout=LIVENESS_TIMEOUT_S, trust_env=False) as http,
        ):
            listener = bind(host, port)
            key = settings.dev_api_key or read_or_create(
                settings.data_dir / "dev-api-key", lambda: new_key(settings.cell)
            )
            secret = ",".join(settings.webhook_secret) or read_or_create(
                settings.data_dir / WEBHOOK_SECRET, lambda: token_urlsafe(SECRET_BYTES)
            )
            env = environment(settings, key, secret)
            start_redis(supervisor, settings, redis)
            resumed = redis.zcard(keyspace.DEADLINES)
            text = greeting(settings.public_url or url, key, settings.docs, resumed)
            start_api(supervisor, listener, api_workers or settings.api_workers, env, directory)
            waiting = SlowWait(supervisor, API_SLOW_S)

            def api_is_ready() -> bool:
                """Start the other roles after the greeting, so that it is not lost among their log lines."""
                if not is_alive(http):
                    waiting.on(f"the API to answer at {url}; see its log")
                    return False
                supervisor.show(text)
                start_workers(supervisor, workers or settings.workers, env, directory)
                supervisor.start("webhooks", WEBHOOKS, {**env, **counting_as("webhooks", directory)})
                return True

            supervisor.run(api_is_ready)
    except (AlreadyUp, RedisUnavailable, CannotListen) as error:
        raise stop(str(error)) from None
    except OSError as error:
        raise stop(f"SUPERIMPOSE_DATA_DIR cannot be used: {error}", ExitCode.USAGE) from None


class SlowWait:
    """Logs once what is being waited for, if that takes longer than `seconds`."""

    def __init__(self, supervisor: Supervisor, seconds: float) -> None:
        self._supervisor = supervisor
        self._ends_at: float | None = time.monotonic() + seconds

    def on(self, what: str) -> None:
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self._ends_at = None
            self._supervisor.say(f"waiting for {what}")


def environment(settings: Settings, key: str, webhook_secret: str) -> dict[str, str]:
    return {
        "SUPERIMPOSE_REDIS_URL": settings.effective_redis_url,
        "SUPERIMPOSE_DATA_DIR": str(settings.data_dir),
        "SUPERIMPOSE_DEV_API_KEY": key,
        "SUPERIMPOSE_WEBHOOK_SECRET": webhook_secret,
        "SUPERIMPOSE_METRICS_PORT": "",  # the roles cannot share one port; the API serves the metrics of all
        "SUPERIMPOSE_DRAIN_TIMEOUT_S": str(min(settings.drain_timeout_s, GRACE_S - SPARE_S)),
    }


def start_redis(supervisor: Supervisor, settings: Settings, redis: Redis) -> None:
    """Start Redis unless the settings name one, and wait until it answers.

    Raises `RedisUnavailable`, `UnsuitableRedis`; `Stopped` as soon as a signal comes.
    """
    waiting = SlowWait(supervisor, REDIS_SLOW_S)
    if settings.redis_url:
        while True:
            try:
                redis.ping()
                return
            except (ConnectionError, TimeoutError) as error:
                waiting.on(f"Redis: {error}")
            supervisor.pause(PAUSE_S)
    command = server_command(settings.data_dir, settings.redis_socket, supervisor.say)
    server = supervisor.start("redis", command, foundation=True)

    def give_up() -> bool:
        waiting.on("Redis to load its data")
        supervisor.pause(0)
        return not server.running

    await_ready(settings.redis_socket, give_up)


def is_alive(http: httpx.Client) -> bool:
    try:
        return http.get("/livez").is_success
    except httpx.HTTPError:
        return False


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """A secret of the data directory, created at the first start and readable only by its owner."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(make())
    return path.read_text().strip()


def greeting(url: str, key: str, docs: bool, resumed: int = 0) -> str:
    documentation = f"      documentation  {url}/docs" if docs else ""
    playground = f"\n  Try it in a browser:  {url}/#key={key}\n" if docs else ""
    before = f"\n  Resuming {resumed:,} requests accepted before and not finished yet.\n" if resumed else ""
    body = (
        f'{{"base_image": "{url}/samples/cup.jpg", "overlay_image": "{url}/samples/logo.png", '
        '"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}'
    )
    return f"""
  Superimpose is up.   URL  {url}{documentation}
                       key  {key}
{playground}{before}
  A logo on a cup, saved as cup-with-logo.jpg:

curl -sS --fail-with-body {url}/v1/superimpose -H 'x-api-key: {key}' \\
  -H 'content-type: application/json' -o cup-with-logo.jpg \\
  -d {shlex.quote(body)}

  Ctrl-C stops everything; accepted requests are kept.
"""
