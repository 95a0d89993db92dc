"""All metrics and labels in rules and panels exist in the service."""

import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests import origin as origins
from tests.observability.promql import queries, used
from tests.stack import ON_LOOPBACK, empty_database, environment, free_port, running

SAMPLE = re.compile(r"^(superimpose_\w+)(?:\{(.*)\})? ", re.MULTILINE)
LABEL = re.compile(r'(\w+)="')
OF_PROMETHEUS = {"job", "instance"}
PATIENCE_S = 20


@pytest.fixture(scope="module")
def metrics(redis_socket, tmp_path_factory) -> Iterator[dict[str, set[str]]]:
    """Labels by metric, of an API and of a worker with a rendered, a failed and a retried request."""
    port = free_port()
    env = environment(
        empty_database(redis_socket, 12),
        tmp_path_factory.mktemp("metrics"),
        fetch_allow="127.0.0.1/32",
        metrics=True,
        metrics_port=port,
    )
    with origins.serving() as origin, running(env, workers=0) as stack:
        stack.start("cli", "worker", "--workers", "1")
        good = {"base_image": f"{origin.url}/cup.jpg", "overlay_image": f"{origin.url}/logo.png"}
        stack.finish(stack.submit(**good))
        stack.finish(stack.submit(**good | {"base_image": f"{origin.url}/page.html"}))
        stack.submit(**good | {"base_image": f"http://127.0.0.1:{free_port()}/nobody.jpg"})
        urls = (f"{stack.url}/metrics", f"http://127.0.0.1:{port}/metrics")
        deadline = time.monotonic() + PATIENCE_S
        while "superimpose_retries_total" not in (found := read(*urls)):
            assert time.monotonic() < deadline, sorted(found)
            time.sleep(0.2)
        yield found


def read(*urls: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for url in urls:
        for name, labels in SAMPLE.findall(httpx.get(url, **ON_LOOPBACK).raise_for_status().text):
            found.setdefault(name, set()).update(LABEL.findall(labels))
    return found


def test_all_metrics_exist(metrics):
    wanted = {(metric, label) for _, query in queries() for metric, labels in used(query) for label in labels}
    named = {metric for _, query in queries() for metric, _ in used(query)}

    assert named - metrics.keys() == set()
    missing = {(metric, label) for metric, label in wanted if label not in metrics[metric] | OF_PROMETHEUS}
    assert missing == set()
