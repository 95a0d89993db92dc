"""The contest: in each round every contestant is started, warmed, measured and stopped, one after another."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.end_to_end.contestants import OURS, Other, Ours, versions
from benchmarks.end_to_end.results import Results
from benchmarks.harness.bare_loop import BareLoop
from benchmarks.harness.clients import Client, JobFailed
from benchmarks.harness.http import UnexpectedAnswer
from benchmarks.harness.load import TooSlow, batch, paced_ms
from benchmarks.harness.processes import CannotStart, proportional_mb
from benchmarks.harness.redis_server import RedisServer
from benchmarks.harness.workloads import COMPOSITOR, PLAIN_PILLOW, SAME_FUNCTION, SEED_JPEG, Workload, draw

Contestant = Ours | Other

WARM_UP = 20
TRIED = 4
FEWEST = 8
LONGEST_S = 2.5
"""A batch that would take longer, by what was tried before, has fewer jobs."""
PACE = 0.3
"""Of what the bare loop does a second, where the latency of a picture is measured."""

FAULTS = (CannotStart, JobFailed, TooSlow, UnexpectedAnswer, OSError, AssertionError)


class Contest:
    """A contestant that fails is left out from then on, with the reason."""

    def __init__(
        self,
        redis: RedisServer,
        bare: BareLoop,
        origin: str,
        results: Results,
        jobs: int,
        say: Callable[[str], None],
    ) -> None:
        self._redis = redis
        self._bare = bare
        self._origin = origin
        self._results = results
        self._jobs = jobs
        self._say = say
        self._workers: dict[str, int] = {}

    def enter(self, contestants: Sequence[Contestant], counts: Sequence[int]) -> None:
        """Find the number of workers, of several, with which each is fastest."""
        for each in contestants:
            self._workers[each.name] = counts[0]
            self._guarded(each, lambda each=each: self._find_workers(each, counts))
            self._results.add(
                "contestants",
                name=each.name,
                label=each.label,
                versions=versions(each),
                workers=self._workers[each.name],
            )

    def turn(self, contestant: Contestant, number: int) -> None:
        """One contestant in one round."""

        def measured() -> None:
            with contestant.running(self._redis, self._workers[contestant.name]) as client:
                self._measure(contestant, client, number)

        if not self._results.column("faults", "text", contestant=contestant.name):
            self._guarded(contestant, measured)

    def _guarded(self, contestant: Contestant, step: Callable[[], None]) -> None:
        try:
            step()
        except FAULTS as fault:
            text = f"{type(fault).__name__}: {fault}"
            self._results.add("faults", contestant=contestant.name, text=text)
            self._say(f"{contestant.name} is left out: {text}")

    def _find_workers(self, contestant: Contestant, counts: Sequence[int]) -> None:
        per_s = {}
        for count in counts if len(counts) > 1 else ():
            self._say(f"{contestant.name} with {count} workers")
            with contestant.running(self._redis, count) as client:
                batch(client, self._draw(SEED_JPEG, WARM_UP))
                per_s[count] = batch(client, self._draw(SEED_JPEG, self._jobs)).per_s
        self._workers[contestant.name] = max(per_s, key=per_s.__getitem__, default=counts[0])

    def _measure(self, contestant: Contestant, client: Client, number: int) -> None:
        about: dict[str, Any] = {"round": number, "contestant": contestant.name}
        batch(client, self._draw(SEED_JPEG, WARM_UP))
        # Without its cache the service is compared where the work is the same, and there alone.
        for workload in SAME_FUNCTION if contestant is OURS else SAME_FUNCTION + PLAIN_PILLOW:
            self._say(f"round {number}, {contestant.name}: {workload.name}")
            tried = batch(client, self._draw(workload, TRIED)).per_s
            count = max(FEWEST, min(self._jobs, round(LONGEST_S * tried)))
            self._add_rates(client, workload, about | {"workload": workload.name}, count)
        self._results.add("resident", **about, mb=proportional_mb(client.processes()))

    def _add_rates(self, client: Client, workload: Workload, about: dict[str, Any], count: int) -> None:
        """Where the work is the same, beside the bare loop."""
        beside = workload.function == COMPOSITOR
        if beside:
            about["bare_per_s"] = self._bare.per_s(self._jobs // 2, workload.image_format)
        made = batch(client, self._draw(workload, count))
        self._results.add("rates", **about, per_s=made.per_s, cpu_ms=made.cpu_ms)
        if beside:
            ms = paced_ms(client, self._draw(workload, count // 2), PACE * about["bare_per_s"])
            self._results.add("paced", **about, ms=ms)

    def _draw(self, workload: Workload, count: int) -> list[Any]:
        return draw(workload, self._origin, count)
