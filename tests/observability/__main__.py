"""`make alerts`: makes each alert fire by its fault, with a real service and a real Prometheus."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from tests import origin as origins
from tests.chaos.outside.redis_process import RedisProcess
from tests.observability import faults, picture
from tests.observability.faults import Site
from tests.observability.prometheus import Prometheus, await_alerts, watching
from tests.observability.promql import RULES
from tests.stack import environment, free_port, running

SPEED = 20
HEALTHY_S = 20
PATIENCE_S = 120
SILENCE_S = 90
WEBHOOK_SECRET = "a-master-secret-of-32-characters"

Fault = Callable[[Site], AbstractContextManager[None]]

FAULTS: list[tuple[str, Fault, set[str]]] = [
    ("the API is killed", faults.api_away, {"SuperimposeApiDown"}),
    ("Redis is killed", faults.redis_away, {"SuperimposeRedisDown", "SuperimposeApiErrors"}),
    (
        "all workers stop",
        faults.no_workers,
        {
            "SuperimposeNoWorkers",
            "SuperimposeQueueSlow",
            "SuperimposeQueueStuck",
            "SuperimposeRequestsFail",
        },
    ),
    ("the store cannot be written to", faults.store_broken, {"SuperimposeAttemptsFail"}),
    ("what makes pictures is killed", faults.workers_killed, {"SuperimposeWorkersDie"}),
    ("nobody sends events", faults.webhooks_away, {"SuperimposeWebhooksLate"}),
    ("receivers are away", faults.receivers_away, {"SuperimposeWebhooksFail"}),
    ("Redis is 80 % full", partial(faults.redis_filled, share=0.8), {"SuperimposeRedisMemoryHigh"}),
    ("Redis is 95 % full", partial(faults.redis_filled, share=0.95), {"SuperimposeRedisMemoryFull"}),
    ("Redis pauses", faults.redis_slow, {"SuperimposeRedisSlow"}),
]


def main() -> int:
    """Cause all faults; with `--picture` cause load instead and draw the dashboard."""
    parser = argparse.ArgumentParser(prog="make alerts", description=__doc__)
    parser.add_argument("--picture", action="store_true", help="draw the dashboard under load instead")
    drawing = parser.parse_args().picture
    with watched(1 if drawing else SPEED) as (site, prometheus):
        if drawing:
            picture.draw_under_load(site, prometheus)
            return 0
        return fire(site, prometheus)


@contextmanager
def watched(speed: int) -> Iterator[tuple[Site, Prometheus]]:
    """A service with one worker, and a Prometheus whose rules have shortened times."""
    with tempfile.TemporaryDirectory() as name:
        folder, port, webhooks_port = Path(name), free_port(), free_port()
        for part in ("redis", "data", "prometheus"):
            (folder / part).mkdir()
        with (
            RedisProcess(folder / "redis") as redis,
            origins.serving() as origin,
            (folder / "service.log").open("wb") as log,
        ):
            env = environment(
                f"redis://127.0.0.1:{redis.port}/0",
                folder / "data",
                fetch_allow="127.0.0.1/32",
                metrics=True,
                metrics_port=port,
                webhook_secret=WEBHOOK_SECRET,
                webhook_http=True,
            )
            with running(env, workers=0, log=log) as stack:
                site = Site(stack, redis, folder / "data" / "store", origin, webhooks_port)
                site.start_webhooks()
                site.start_worker()
                api = stack.url.removeprefix("http://")
                targets = {
                    "superimpose-api": [api],
                    "superimpose-worker": [f"127.0.0.1:{port}"],
                    "superimpose-webhooks": [f"127.0.0.1:{webhooks_port}"],
                }
                with watching(folder / "prometheus", targets, speed) as prometheus:
                    yield site, prometheus


def fire(site: Site, prometheus: Prometheus) -> int:
    """Print a table; returns 0 if all alerts fired, and none before its fault."""
    until = time.monotonic() + HEALTHY_S
    while time.monotonic() < until:
        site.submit(5)
        time.sleep(0.5)
    early = prometheus.firing()
    print(f"A minute passes in {60 / SPEED:.0f} s. Under load without a fault fired: {early or 'none'}.\n")
    print("| fault | alert | fired after | as in production |\n| --- | --- | --- | --- |")
    fired = set[str]()
    for description, fault, expected in FAULTS:
        await_silence(prometheus, expected)
        with fault(site):
            seen = await_alerts(prometheus, expected, PATIENCE_S)
        for name in sorted(expected, key=lambda each: seen.get(each, PATIENCE_S)):
            after = (
                f"{seen[name]:.0f} s | {seen[name] * SPEED / 60:.0f} min" if name in seen else "**never** | "
            )
            print(f"| {description} | {name} | {after} |", flush=True)
        fired |= seen.keys()
    missing = {rule["alert"] for rule in RULES} - fired
    print(f"\n{len(fired)} of {len(RULES)} alerts fired.{' Not: ' + ', '.join(missing) if missing else ''}")
    return 1 if missing or early else 0


def await_silence(prometheus: Prometheus, names: set[str]) -> None:
    """Wait until no alert fires because of an earlier fault."""
    deadline = time.monotonic() + SILENCE_S
    while prometheus.firing() & names and time.monotonic() < deadline:
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
