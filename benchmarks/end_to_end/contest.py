"""The contest: in each round every contestant is started, warmed, measured and stopped, one after another."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.end_to_end.contestants import OURS, Contestant
from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import Client, JobFailed, TooSlow, UnexpectedAnswer
from benchmarks.harness.inputs import COMPOSITOR, PLAIN_PILLOW, SAME_FUNCTION, SEED_JPEG, Workload, draw
from benchmarks.harness.load import POLL_S, batch, paced_ms
from benchmarks.harness.processes import CannotStart, below, proportional_mb
from benchmarks.harness.service import redis_cpu_s

WARM_UP = 20
TRIED = 4
FEWEST = 8
LONGEST_S = 2.5
"""A batch that would take longer, by what was tried before, has fewer jobs."""
PACE = 0.3
"""Of what the bare loop does a second, where the latency of a picture is measured."""

FAULTS = (CannotStart, JobFailed, TooSlow, UnexpectedAnswer, OSError, AssertionError)


@dataclass
class Contest:
    """A contestant that fails is left out from then on, with the reason."""

    run: Run
    bare_per_s: Callable[[int, str], float]
    left_out: set[str] = field(default_factory=set)

    def turn(self, contestant: Contestant, number: int) -> None:
        """One contestant in one round."""
        if contestant.name in self.left_out:
            return
        try:
            with contestant.running(self.run.redis) as client:
                self._measure(contestant, client, number)
        except FAULTS as fault:
            text = f"{type(fault).__name__}: {fault}"
            self.left_out.add(contestant.name)
            self.run.results.add("faults", contestant=contestant.name, text=text)
            self.run.say(f"{contestant.name} is left out: {text}")

    def _measure(self, contestant: Contestant, client: Client, number: int) -> None:
        about: dict[str, Any] = {"round": number, "contestant": contestant.name}
        batch(client, draw(SEED_JPEG, self.run.origin, WARM_UP))
        # Without its cache the service is compared where the work is the same, and there alone.
        for workload in SAME_FUNCTION if contestant is OURS else SAME_FUNCTION + PLAIN_PILLOW:
            self.run.say(f"round {number}, {contestant.name}: {workload.name}")
            tried = batch(client, draw(workload, self.run.origin, TRIED)).per_s
            count = max(FEWEST, min(self.run.jobs, round(LONGEST_S * tried)))
            self._add_rates(client, workload, about | {"workload": workload.name}, count)
        self.run.results.add("resident", **about, mb=proportional_mb(below(client.pids)))

    def _add_rates(self, client: Client, workload: Workload, about: dict[str, Any], count: int) -> None:
        """Where the work is the same, beside the bare loop."""
        beside = workload.function == COMPOSITOR
        if beside:
            about["bare_per_s"] = self.bare_per_s(self.run.jobs // 2, workload.image_format)
        with self.run.redis.connect() as redis:
            before = redis_cpu_s(redis)
            made = batch(client, draw(workload, self.run.origin, count))
            redis_ms = 1000 * (redis_cpu_s(redis) - before) / count
        self.run.results.add("rates", **about, per_s=made.per_s, cpu_ms=made.cpu_ms, redis_ms=redis_ms)
        if beside:
            ms = paced_ms(
                lambda job: client.picture(client.submit(job), POLL_S),
                draw(workload, self.run.origin, count // 2),
                PACE * about["bare_per_s"],
            )
            self.run.results.add("paced", **about, ms=ms)
