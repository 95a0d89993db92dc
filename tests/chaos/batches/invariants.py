"""Invariants of batches after a run; their requests have to meet those of all requests too."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from jobs.lifecycle.status import TERMINAL, Status
from tests.chaos.batches.following import BatchOutcome
from tests.chaos.census import Census
from tests.chaos.load import RequestOutcome


def broken_promises(outcomes: Sequence[BatchOutcome], census: Census) -> Iterator[str]:
    """A sentence for each batch that is incomplete, contradicts its responses or was never submitted."""
    for one in outcomes:
        for complaint in _complaints(one, census):
            yield f"{one}: {complaint}"
    known = {batch_id for one in outcomes for batch_id in one.ids}
    for batch_id in census.batches.keys() - known:
        yield f"batch {batch_id} was made, and no client knows it"
    yield from census.miscounted


def _complaints(outcome: BatchOutcome, census: Census) -> Iterator[str]:
    if outcome.complaint:
        yield outcome.complaint
    if len(outcome.ids) > 1:
        yield f"one idempotency key made {len(outcome.ids)} batches: {sorted(outcome.ids)}"
    if outcome.submission.is_refused and outcome.ids:
        yield "it was accepted"
    if outcome.ids - census.batches.keys():
        yield "it was never there"
    elif outcome.ids and not outcome.complaint:
        yield from _complaints_of_requests(outcome, census)
        yield from _complaints_of_end(outcome, census)
        yield from _complaints_of_counts(outcome)
        yield from _complaints_of_results(outcome, census)
        yield from _complaints_of_cancel(outcome, census)
        yield from _complaints_of_archive(outcome)


def _complaints_of_requests(outcome: BatchOutcome, census: Census) -> Iterator[str]:
    kept = [entry.partition(" ")[2] for entry in census.batches[outcome.its_id].entries]
    if kept != outcome.submission.custom_ids:
        yield f"its requests are {kept}, and not {outcome.submission.custom_ids}"
    if (
        outcome.listed
        and [row.get("custom_id", "") for row in outcome.listed] != outcome.submission.custom_ids
    ):
        yield f"it lists {outcome.listed}, and not {outcome.submission.custom_ids}"
    for member in outcome.members:
        if member.status is None:
            yield f"{member} has not ended"


def _complaints_of_end(outcome: BatchOutcome, census: Census) -> Iterator[str]:
    batch = census.batches[outcome.its_id]
    ends = [int(census.last_records.get(each, {}).get("finished_at", 0)) for each in batch.request_ids]
    finished_at = batch.record.get("finished_at")
    if finished_at is None:
        yield "it has not ended"
    elif int(finished_at) != max(ends):
        yield f"it ended at {finished_at}, and the last of its requests at {max(ends)}"


def _complaints_of_counts(outcome: BatchOutcome) -> Iterator[str]:
    ended, total = Counter(member.status for member in outcome.members), len(outcome.members)
    for counts in outcome.counts:
        if counts["total"] != total or _sum(counts) != total:
            yield f"it counted {counts} of {total}"
    for before, after in pairwise(outcome.counts):
        if any(after[name] < before[name] for name in ("completed", "failed")):
            yield f"it counted {after} after {before}"
    if outcome.has_ended:
        last = outcome.counts[-1]
        if (last["completed"], last["failed"]) != (ended[Status.COMPLETED], ended[Status.FAILED]):
            yield f"it counted {last}, and its requests ended as {dict(ended)}"


def _sum(counts: Mapping[str, int]) -> int:
    return sum(counts[name] for name in ("queued", "processing", "completed", "failed"))


def _complaints_of_results(outcome: BatchOutcome, census: Census) -> Iterator[str]:
    members = {member.its_id: member for member in outcome.members}
    listed = {row["request_id"]: row for row in outcome.listed}
    for lines in outcome.results:
        named = Counter(line["request_id"] for line in lines)
        if odd := {each for each, count in named.items() if count > 1 or each not in members}:
            yield f"its results name {odd} twice, or are not all its own"
        for line in lines:
            if line["request_id"] in members:
                yield from _complaints_of_line(line, members[line["request_id"]], listed, census)
    if outcome.archive is not None and len(outcome.results[-1]) != len(members):
        yield f"its results have {len(outcome.results[-1])} lines for {len(members)} requests"


def _complaints_of_line(
    line: Mapping[str, object],
    member: RequestOutcome,
    listed: Mapping[str, Mapping[str, object]],
    census: Census,
) -> Iterator[str]:
    row = listed.get(member.its_id, {})
    if "status" not in line:
        if not census.expired(member.its_id):
            yield f"a result says {line}, and {member} has not expired"
    elif line["status"] not in TERMINAL or line != member.response:
        yield f"a result says {line}, and another one {member.response}"
    elif row.get("status") in TERMINAL and row != {**row, **line}:
        yield f"a result says {line}, and its status {row}"


def _complaints_of_cancel(outcome: BatchOutcome, census: Census) -> Iterator[str]:
    is_cancelled = outcome.cancel_status == 200
    if (
        outcome.has_ended
        and outcome.response.get("cancelled", False) != is_cancelled
        and outcome.cancel_status != 409
    ):
        yield f"a cancel was answered {outcome.cancel_status}, and it says {outcome.response}"
    for member in outcome.members if is_cancelled else ():
        record = census.last_records.get(member.its_id, {})
        began_once = record.get("attempts") == "1" and "given_back" not in record
        if began_once and int(record["started_at"]) / 1000 > outcome.cancelled_at:
            yield f"{member} began at {record['started_at']}, and it was cancelled at {outcome.cancelled_at}"


def _complaints_of_archive(outcome: BatchOutcome) -> Iterator[str]:
    if outcome.archive is None:
        return
    there = {member.submission.options.get("custom_id", member.its_id): member for member in outcome.members}
    for name in outcome.archive.keys() - there.keys():
        yield f"its archive has {name}, which is not of it"
    for name, member in there.items():
        is_alive = member.status is Status.COMPLETED and member.expires_at > outcome.archived_at
        if is_alive and name not in outcome.archive:
            yield f"its archive has not the picture of {member}"
        if name in outcome.archive and member.status is Status.FAILED:
            yield f"its archive has a picture of {member}, which FAILED"
