"""What metrics cost: CPU time of the API and the workers with them and without, in turn.

Two services run side by side, each on a Redis of its own, as `superimpose up` starts them: one with the
settings under `--on`, one without. A request is a submit, ten polls and a job. Redis and the client, which
scrapes the one with metrics after each round, are not counted. Then /metrics is timed, on another service
with as many requests that have ended as `--finished` says.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median

from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import cost, interleaved, median_ratio, timed
from benchmarks.harness.requests import Requests
from benchmarks.harness.service import redis_server, up

POLLS = 10
POLLS_ALONE = 2000  # a round
SCRAPES = 50


def main(
    rounds: int = 12, requests: int = 60, finished: int = 20_000, on: tuple[str, ...] = ("metrics=true",)
) -> None:
    settings = dict(pair.split("=", 1) for pair in on)
    with service({}) as without, service(settings) as with_them:
        contestants = {
            "off": lambda: used_ms(without, requests),
            "on": lambda: used_ms(with_them, requests, scraped="metrics" in settings),
        }
        samples = interleaved(contestants, rounds)
    columns = [zip(*samples[side], strict=True) for side in ("off", "on")]
    for name, off_ms, on_ms in zip(
        (f"a request with {POLLS} polls, ms", "a poll, ms"), *columns, strict=True
    ):
        ratio = median_ratio(on_ms, off_ms)
        print(f"{name}: off {median(off_ms):.3f}, on {median(on_ms):.3f}, on / off {ratio:.3f}")
    if "metrics" in settings and finished:
        with service(settings, finished) as full:
            [ms] = interleaved({"": timed(lambda: full.get("/metrics"))}, SCRAPES).values()
        print(f"/metrics with {finished:,} finished requests: ", end="")
        print(f"median {median(ms):.1f} ms, longest {max(ms):.1f} ms")


@contextmanager
def service(settings: Mapping[str, str], finished: int = 0) -> Iterator[Superimpose]:
    """On a Redis of its own with so many requests that have ended."""
    with redis_server() as server:
        requests = Requests(server.redis)
        for _ in range(finished):
            requests.begin()
            requests.complete_next()
        with up(server.folder, "--workers 2", redis_url=server.url, **settings) as client:
            yield client


def used_ms(client: Superimpose, requests: int, *, scraped: bool = False) -> tuple[float, float]:
    """CPU time of a request, and of a poll."""
    request_id = ""

    def request() -> None:
        nonlocal request_id
        request_id = client.submit_sample()
        for _ in range(POLLS):
            client.poll(request_id)
        client.await_end(request_id, pause_s=0.01)

    [of_request] = cost(request, client.cpu_s, times=requests)
    [of_poll] = cost(lambda: client.poll(request_id), client.cpu_s, times=POLLS_ALONE)
    if scraped:
        client.get("/metrics")
    return 1000 * of_request, 1000 * of_poll
