"""The results of a run as tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from jobs.queue.rq import REQUEST_ID
from tests.chaos.batches.following import BatchOutcome
from tests.chaos.census import Census
from tests.chaos.load import Load, RequestOutcome
from tests.chaos.outside.receiver import Received
from tests.chaos.schedule import Injected, Schedule

SHOWN = 10
LINES = 40


@dataclass
class Report:
    """The results of a run, which has passed if there are no violations."""

    seed: int
    load: Load
    batches: Sequence[BatchOutcome]
    schedule: Schedule
    log: Path
    census: Census
    received: Sequence[Received]
    violations: list[str] = field(default_factory=list)
    unexpected_ends: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"seed {self.seed}"
        yield from self._faults()
        yield from self._outcomes()
        yield from _table("answers", self.load.client.answers)
        yield from _table("events that came", Counter(f"answered {call.answered}" for call in self.received))
        calls = Counter(call.message_id for call in self.received).values()
        yield from _table("calls of one event", Counter(f"{count} calls" for count in calls))
        yield from _table("processes that ended by themselves", self.unexpected_ends)
        yield f"\n{len(self.violations)} violations"
        for violation in self.violations[:SHOWN]:
            yield f"  {violation}"
        for request_id in self._named()[:SHOWN]:
            yield from self._story(request_id)

    def _faults(self) -> Iterator[str]:
        yield "\nfaults               count   all that met it had ended after (median, most)"
        for kind in sorted({fault.kind for fault in self.schedule.injected}):
            cleared = [_cleared_s(f, self.load.outcomes) for f in self.schedule.injected if f.kind == kind]
            yield f"  {kind:18} {len(cleared):5}   {median(cleared):6.1f} s {max(cleared):6.1f} s"
        for kind, reason in self.schedule.skipped.items():
            yield f"  {kind:18} skipped: {reason}"

    def _outcomes(self) -> Iterator[str]:
        outcomes = self.load.outcomes
        ends = Counter(f"{one.status or 'no request'} {one.code or ''}".strip() for one in outcomes)
        yield from _table("submitted", Counter(one.submission.kind for one in outcomes))
        yield from _table("outcomes", ends)
        attempts = Counter(f"{record['attempts']} attempts" for record in self.census.last_records.values())
        yield from _table("attempts", attempts)
        yield from _table("batches", Counter(_fate(one) for one in self.batches))

    def _named(self) -> Sequence[str]:
        return list(dict.fromkeys(REQUEST_ID.findall(" ".join(self.violations))))

    def _story(self, request_id: str) -> Iterator[str]:
        yield f"\nrequest {request_id}: {self.census.last_records.get(request_id)}"
        lines = self.log.read_text(errors="replace").splitlines()
        yield from [f"  {line}" for line in lines if request_id in line][:LINES]


def _cleared_s(fault: Injected, outcomes: Iterable[RequestOutcome]) -> float:
    """Time from the start of a fault until all requests unfinished at that time were finished."""
    met = [one for one in outcomes if (one.accepted_at or float("inf")) < fault.began_at]
    ends = [one.ended_at for one in met if one.ended_at and one.ended_at > fault.began_at]
    return max(ends, default=fault.began_at) - fault.began_at


def _fate(outcome: BatchOutcome) -> str:
    if not outcome.ids:
        return f"{outcome.submission.kind}: none"
    ended = Counter(str(member.code or member.status) for member in outcome.members)
    counts = ", ".join(f"{count} {how}" for how, count in sorted(ended.items()))
    return f"{outcome.submission.kind}: {counts}"


def _table(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield f"\n{title}"
    for name, count in sorted(counts.items()):
        yield f"  {name:40} {count:6}"
