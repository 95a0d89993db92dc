"""The contest: in each round every contestant is started, warmed, measured and stopped, one after another."""

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.end_to_end.contestants import Contestant
from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import Client, JobFailed, TooSlow, UnexpectedAnswer
from benchmarks.harness.inputs import Workload, draw
from benchmarks.harness.load import batch
from benchmarks.harness.processes import CannotStart, below, proportional_mb
from benchmarks.harness.service import redis_cpu_s

COUNTS = (1, 2, 3, 4)
WARM_UP = 20
TRIED = 4
FEWEST = 8
LONGEST_S = 2.5
"""A batch that would take longer, by what was tried before, has fewer jobs."""

FAULTS = (CannotStart, JobFailed, TooSlow, UnexpectedAnswer, OSError, AssertionError)


def best_count(run: Run, name: str, per_s: Callable[[int], float]) -> int:
    """The number of workers of `COUNTS` that makes most pictures a second, in one try each."""
    rates = {}
    for workers in COUNTS:
        rates[workers] = per_s(workers)
        run.say(f"{name} with {workers} workers: {rates[workers]:.1f} pictures a second")
    best = max(rates, key=rates.__getitem__)
    run.results.add("workers", name=name, best=best, per_s=rates)
    return best


@dataclass
class Contest:
    """A contestant that fails is left out from then on, with the reason."""

    run: Run
    workers: dict[str, int] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    def turn(self, contestant: Contestant, number: int) -> None:
        """One contestant in one round, 0 to find its number of workers."""
        if contestant.name in self.left_out:
            return
        try:
            if number:
                self._measure(contestant, number)
            else:
                self.workers[contestant.name] = best_count(
                    self.run, contestant.name, lambda workers: self._tried(contestant, workers)
                )
        except FAULTS as fault:
            text = f"{type(fault).__name__}: {fault}"
            self.left_out.add(contestant.name)
            self.run.results.add("faults", contestant=contestant.name, text=text)
            self.run.say(f"{contestant.name} is left out: {text}")

    def _tried(self, contestant: Contestant, workers: int) -> float:
        with contestant.running(self.run.redis, workers) as client:
            for jobs in (WARM_UP, self.run.jobs):
                per_s = batch(client, draw(contestant.workloads[0], self.run.origin, jobs)).per_s
            return per_s

    def _measure(self, contestant: Contestant, number: int) -> None:
        about = {"round": number, "contestant": contestant.name}
        with contestant.running(self.run.redis, self.workers[contestant.name]) as client:
            batch(client, draw(contestant.workloads[0], self.run.origin, WARM_UP))
            for workload in contestant.workloads:
                self.run.say(f"round {number}, {contestant.name}: {workload.name}")
                rates = self._rates(client, workload)
                self.run.results.add("rates", **about, workload=workload.name, **rates)
            self.run.results.add("resident", **about, mb=proportional_mb(below(client.pids)))

    def _rates(self, client: Client, workload: Workload) -> dict[str, float]:
        tried = batch(client, draw(workload, self.run.origin, TRIED)).per_s
        count = max(FEWEST, min(self.run.jobs, round(LONGEST_S * tried)))
        with self.run.redis.connect() as redis:
            before = redis_cpu_s(redis)
            made = batch(client, draw(workload, self.run.origin, count))
            redis_ms = 1000 * (redis_cpu_s(redis) - before) / count
        return {"per_s": made.per_s, "cpu_ms": made.cpu_ms, "redis_ms": redis_ms}
