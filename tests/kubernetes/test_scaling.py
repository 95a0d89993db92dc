"""The value that KEDA reads, from a real Prometheus that scrapes a real service, and what becomes of it."""

import os
import shutil
import signal
import time

import pytest

from benchmarks.autoscaling.autoscaler import AGE, BUSY, Autoscaler, scaled_object
from benchmarks.harness.service import redis_server
from tests.kubernetes.manifests import WORKER, named, settings
from tests.missing import missing
from tests.observability.prometheus import watching
from tests.redis.sentinels import until
from tests.stack import environment, running

WAITING = 5
RULES = scaled_object()


@pytest.fixture
def site(tmp_path):
    """A service with one worker that takes one request at a time, its Redis, and a Prometheus."""
    if shutil.which("prometheus") is None:
        missing("no prometheus on PATH (apt install prometheus)")
    with redis_server() as redis:
        given = {"fetch_allow": "127.0.0.1/32", "fetch_timeout_s": 50, "fetch_ahead": 0, "metrics": "true"}
        env = environment(redis.url, tmp_path / "data", **given)
        with running(env) as stack:
            targets = {"superimpose-api": [stack.url.removeprefix("http://")]}
            with watching(tmp_path, targets, speed=1) as prometheus:
                yield stack, redis, prometheus


def asked(prometheus):
    """The values of the query, and the one that the simulation makes of the metrics at that time."""
    at = time.time()
    metrics = {each: sum(prometheus.values(f"max({each})", at)) for each in (BUSY, AGE)}
    return prometheus.values(RULES.query, at), RULES.value(metrics)


def replicas(prometheus, now):
    """What one pod becomes by the value as it is; KEDA takes it only if there is one series."""
    [value], _ = asked(prometheus)
    return Autoscaler(RULES).sync(0, value, now)


def test_workers_are_asked_for_by_the_age_of_the_queue_and_kept_when_nothing_is_known(site, origin):
    stack, redis, prometheus = site
    until(lambda: asked(prometheus)[0] == [0], "it has scraped an idle service")
    assert replicas(prometheus, 1) == RULES.min_replicas

    overlay = f"{stack.url}/samples/logo.png"
    bases = [f"{origin.url}/hangs.jpg?{number}" for number in range(1 + WAITING)]
    hanging = [stack.submit(base_image=base, overlay_image=overlay) for base in bases]
    until(lambda: asked(prometheus)[0] > [1.2], "the oldest has waited for two seconds")
    values, simulated = asked(prometheus)
    assert values == pytest.approx([simulated])
    assert replicas(prometheus, 1) == 2
    until(lambda: asked(prometheus)[0] > values, "it grows with the age")

    origin.release.set()
    assert {stack.finish(each).json()["status"] for each in hanging} == {"COMPLETED"}
    origin.release.clear()  # it is that of other files too
    until(lambda: asked(prometheus)[0] == [0], "nothing waits and nobody works")

    os.kill(redis.pid, signal.SIGKILL)
    until(lambda: asked(prometheus)[0] == [], "there is no value, which KEDA takes for a failure")


def test_a_failure_keeps_the_workers_that_there_are(with_operators):
    spec = named(with_operators, "ScaledObject", WORKER)["spec"]
    [trigger] = spec["triggers"]
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    assert "metricType" not in trigger  # AverageValue; of any other KEDA has no fallback
    assert RULES.min_replicas < spec["fallback"]["replicas"] < RULES.max_replicas
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"


def test_the_threshold_is_the_number_of_workers_in_a_pod(with_operators):
    assert RULES.threshold == settings(with_operators).workers
