"""The contest: in each round every contestant is started, warmed, measured and stopped, one after another."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.end_to_end.contestants import OURS, WORKERS, CannotStart, Other, Ours
from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.versions import versions
from benchmarks.harness.bare_loop import BareLoop, bare_loop
from benchmarks.harness.clients import JobFailed, Service
from benchmarks.harness.http import UnexpectedAnswer
from benchmarks.harness.load import TooSlow, batch, paced
from benchmarks.harness.processes import memory_mb
from benchmarks.harness.redis_server import Backing
from benchmarks.harness.workloads import COMPOSITOR, PLAIN_PILLOW, SAME_FUNCTION, Scenario, draw

Contestant = Ours | Other
Say = Callable[[str], None]

WARM_UP = 20
TRIED = 4
FEWEST = 8
LONGEST_S = 2.5
"""A batch that would take longer, by what was tried before, has fewer jobs."""
PACE = 0.3
"""Of what the bare loop does a second, where it is measured how long one picture takes."""

FAULTS = (CannotStart, JobFailed, TooSlow, UnexpectedAnswer, OSError, AssertionError)


def hold(
    contestants: Sequence[Contestant],
    backing: Backing,
    origin: str,
    results: Results,
    rounds: int,
    jobs: int,
    say: Say,
) -> None:
    """All rounds."""
    with bare_loop(WORKERS) as bare:
        contest = Contest(backing, bare, origin, results, jobs)
        contest.enter(contestants)
        for number in range(1, rounds + 1):
            for contestant in contestants:
                contest.turn(contestant, number, say)


class Contest:
    """Rounds over contestants; whoever cannot take part is left out from then on, with the reason."""

    def __init__(self, backing: Backing, bare: BareLoop, origin: str, results: Results, jobs: int) -> None:
        self._backing = backing
        self._bare = bare
        self._origin = origin
        self._results = results
        self._jobs = jobs

    def enter(self, contestants: Sequence[Contestant]) -> None:
        """Note who takes part, and in which versions."""
        for each in contestants:
            found = versions(each.interpreter, each.packages)
            self._results.add("contestants", name=each.name, label=each.label, versions=found)

    def turn(self, contestant: Contestant, number: int, say: Say) -> None:
        """One contestant in one round."""
        if self._results.column("faults", "text", who=contestant.name):
            return
        try:
            with contestant.running(self._backing) as service:
                self._measure(contestant, service, number, say)
        except FAULTS as fault:
            text = f"{type(fault).__name__}: {fault}"
            self._results.add("faults", who=contestant.name, text=text)
            say(f"{contestant.name} is left out: {text}")

    def _measure(self, contestant: Contestant, service: Service, number: int, say: Say) -> None:
        about = {"round": number, "contestant": contestant.name}
        batch(service, draw(SAME_FUNCTION[0], self._origin, WARM_UP))
        for scenario in scenarios_of(contestant):
            say(f"round {number}, {contestant.name}: {scenario.name}")
            about["scenario"] = scenario.name
            tried = batch(service, draw(scenario, self._origin, TRIED)).per_s
            count = max(FEWEST, min(self._jobs, round(LONGEST_S * tried)))
            if scenario.function == COMPOSITOR:
                self._beside_bare_loop(service, scenario, about, count)
            else:
                made = batch(service, draw(scenario, self._origin, count))
                self._results.add("rates", **about, per_s=made.per_s, cpu_ms=made.cpu_ms)
        self._results.add("resident", **about, mb=memory_mb(service.pids))

    def _beside_bare_loop(
        self, service: Service, scenario: Scenario, about: dict[str, Any], count: int
    ) -> None:
        bare = self._bare.rate(self._jobs // 2, scenario.image_format)
        made = batch(service, draw(scenario, self._origin, count))
        self._results.add("rates", **about, per_s=made.per_s, cpu_ms=made.cpu_ms, bare_per_s=bare)
        waits = paced(service, draw(scenario, self._origin, count // 2), PACE * bare)
        self._results.add("paced", **about, ms=waits)


def scenarios_of(contestant: Contestant) -> tuple[Scenario, ...]:
    """Without its cache the service is compared where the work is the same, and there alone."""
    return SAME_FUNCTION if contestant is OURS else SAME_FUNCTION + PLAIN_PILLOW
