"""KEDA's query, evaluated by a real Prometheus that scrapes a real service, and the resulting scaling."""

import os
import shutil
import signal
import time

import pytest

from benchmarks.autoscaling import AGE, BUSY, Autoscaler, scaled_object
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
    """A service with one worker that claims one request at a time, its Redis, and a Prometheus."""
    if shutil.which("prometheus") is None:
        missing("no prometheus on PATH (apt install prometheus)")
    with redis_server() as redis:
        given = {"fetch_allow": "127.0.0.1/32", "fetch_timeout_s": 50, "fetch_ahead": 0, "metrics": "true"}
        env = environment(redis.url, tmp_path / "data", **given)
        with running(env) as stack:
            targets = {"superimpose-api": [stack.url.removeprefix("http://")]}
            with watching(tmp_path, targets, speed=1) as prometheus:
                yield stack, redis, prometheus
            for process in stack.processes:
                process.kill()  # after a SIGTERM they would wait for Redis, which a test may kill


def evaluated(prometheus):
    """The values of the query, and the one that the simulation computes from the metrics of that time."""
    at = time.time()
    metrics = {each: sum(prometheus.values(f"max({each})", at)) for each in (BUSY, AGE)}
    return prometheus.values(RULES.query, at), RULES.value(metrics)


def replicas(prometheus, now):
    """The replicas that the current value results in; KEDA only accepts a single series."""
    [value], _ = evaluated(prometheus)
    return Autoscaler(RULES).sync(0, value, now)


def test_workers_scale_with_the_age_of_the_queue_and_stay_without_a_value(site, origin):
    stack, redis, prometheus = site
    until(lambda: evaluated(prometheus)[0] == [0], "it has scraped an idle service")
    assert replicas(prometheus, 1) == RULES.min_replicas

    overlay = f"{stack.url}/samples/logo.png"
    bases = [f"{origin.url}/hangs.jpg?{number}" for number in range(1 + WAITING)]
    hanging = [stack.submit(base_image=base, overlay_image=overlay) for base in bases]
    until(lambda: evaluated(prometheus)[0] > [1.2], "the oldest has waited for two seconds")
    values, simulated = evaluated(prometheus)
    assert values == pytest.approx([simulated])
    assert replicas(prometheus, 1) == 2
    until(lambda: evaluated(prometheus)[0] > values, "it grows with the age")

    origin.release.set()
    assert {stack.finish(each).json()["status"] for each in hanging} == {"COMPLETED"}
    origin.release.clear()  # other files share it
    until(lambda: evaluated(prometheus)[0] == [0], "nothing waits and nobody works")

    os.kill(redis.pid, signal.SIGKILL)
    until(lambda: evaluated(prometheus)[0] == [], "there is no value, which KEDA takes for a failure")


def test_a_failure_of_the_query_keeps_the_workers(with_operators):
    spec = named(with_operators, "ScaledObject", WORKER)["spec"]
    [trigger] = spec["triggers"]
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    assert "metricType" not in trigger  # so it is AverageValue; for others KEDA has no fallback
    assert RULES.min_replicas < spec["fallback"]["replicas"] < RULES.max_replicas
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"


def test_the_threshold_is_the_number_of_workers_in_a_pod(with_operators):
    assert RULES.threshold == settings(with_operators).workers
