"""What metrics cost: CPU time of the API and the workers with them and without, in turn.

Two services run side by side, each on a Redis of its own, as `superimpose up` starts them: one with the
settings under `--on`, one without. A request is a submit, ten polls and a job. Redis and the client, which
scrapes the one with metrics after each round, are not counted. Then /metrics is timed, on another service
with as many requests that have ended as `--finished` says.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

from benchmarks.harness import parser
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import interleaved, median_ratio, timed
from benchmarks.harness.service import redis_server, up
from benchmarks.scenarios.waiting import Requests
from jobs.keys.api_keys import ApiKeys

POLLS = 10
POLLS_ALONE = 2000  # a round
SCRAPES = 50


def main(arguments: Sequence[str]) -> None:
    made = parser("telemetry", __doc__, rounds=12, requests=60, finished=20_000)
    made.add_argument("--on", action="append", metavar="SETTING=VALUE", default=[])
    options = made.parse_args(arguments)
    settings = dict(pair.split("=", 1) for pair in options.on or ["metrics=true"])
    with service({}) as off, service(settings) as on:
        contestants = {
            "off": lambda: used(off, options.requests),
            "on": lambda: used(on, options.requests, scraped="metrics" in settings),
        }
        samples = interleaved(contestants, options.rounds)
    for number, name in enumerate((f"a request with {POLLS} polls, ms", "a poll, ms")):
        without, with_it = ([sample[number] for sample in samples[side]] for side in ("off", "on"))
        ratio = median_ratio(with_it, without)
        print(f"{name}: off {median(without):.3f}, on {median(with_it):.3f}, on / off {ratio:.3f}")
    if "metrics" in settings and options.finished:
        with service(settings, options.finished) as full:
            scrape = {"scrape": timed(lambda: full.get("/metrics"))}
            ms = interleaved(scrape, SCRAPES)["scrape"]
        print(f"/metrics with {options.finished:,} finished requests: ", end="")
        print(f"median {median(ms):.1f} ms, longest {max(ms):.1f} ms")


@contextmanager
def service(settings: Mapping[str, str], finished: int = 0) -> Iterator[Superimpose]:
    """The service on a Redis of its own with so many requests that have ended."""
    with redis_server() as redis:
        connection = redis.connect()
        ApiKeys(connection).create("many")
        requests = Requests(connection)
        for _ in range(finished):
            requests.end(requests.begin())
        with up(redis.folder, "--workers 2", redis_url=redis.url, **settings) as client:
            yield client


def used(client: Superimpose, requests: int, *, scraped: bool = False) -> tuple[float, float]:
    """CPU ms of a request, and of a poll."""
    before = client.cpu_s()
    for _ in range(requests):
        request_id = client.submit_sample()
        for _ in range(POLLS):
            client.poll(request_id)
        client.await_end(request_id, pause_s=0.01)
    between = client.cpu_s()
    for _ in range(POLLS_ALONE):
        client.poll(request_id)
    after = client.cpu_s()
    if scraped:
        client.get("/metrics")
    return 1000 * (between - before) / requests, 1000 * (after - between) / POLLS_ALONE
