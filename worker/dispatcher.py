"""Claims requests, has the child make them, and reports how they ended.

Some are claimed at a time, so that the child has the next one when it ends one; what has ended is reported in
the round trip that claims the next.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from redis import RedisError

from jobs.config.settings import BAD_SETTINGS, Settings
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import MovePipeline, Result, Transitions
from jobs.pictures.store import PictureStore
from telemetry import metrics
from telemetry.traces import open_traces
from worker.attempt import Attempt, Interrupted
from worker.bell import WAIT_S, Bell
from worker.child.child import Child, ChildDied, ChildRefused
from worker.child.children import Children
from worker.child.messages import Ending, Outcome
from worker.hand import STARVING_S, Hand
from worker.pauses import pause
from worker.report import Report
from worker.tracing import trace_attempt

STEP_S = 0.25  # how late a limit may be seen
SHARED_S = 0.05  # an ended job may wait for the next one to end, while the child has more than one ahead
DROP_S = 2  # for a child to say that it has dropped an order
PAUSE_S = 0.5  # between two tries to reach Redis
TRIES = 3  # to give back what is in hand

log = logging.getLogger("superimpose.worker")


class Dispatcher:
    """What a worker does beside its registration; all methods but `stop_soon` are for one thread."""

    def __init__(
        self,
        transitions: Transitions,
        settings: Settings,
        owner: LeaseOwner,
        bell: Bell,
        child: type[Child] = Child,
    ) -> None:
        self._transitions = transitions
        self._settings = settings
        self._owner = owner
        self._bell = bell
        self._store = PictureStore.open(settings)
        self._traces = open_traces("worker")
        self.children = Children(settings, child)
        self._hand = Hand(1 + settings.fetch_ahead)
        self._dropped: dict[str, Attempt] = {}  # out of hand, and the child has not said so yet
        self._reports: list[Report] = []
        self._renew_at = 0.0
        self._is_away = False  # Redis, at the last try

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in hand, or may be as the answer to a claim was lost, or is left to report."""
        return not (self._hand or self._reports or self._is_away)

    def stop_soon(self, request_id: str) -> bool:
        """End an attempt whose request was cancelled; False if there is none. Called by another thread."""
        attempt = next((each for each in self._hand if each.request_id == request_id), None)
        if attempt:
            attempt.stop_soon()
        return attempt is not None

    def step(self, heartbeat: Callable[[], None], *, is_stopping: bool = False) -> None:
        """Report, claim and order what there is; then wait for the child, the bell or what is due.

        Raises `SystemExit` where no child can be had, with `BAD_SETTINGS` if it is they that keep it from
        starting.
        """
        child = self._ready_child()
        self._exchange(self._hand.room if child and not is_stopping else 0, heartbeat)
        if child is None:
            pause(self._patience_s, *self.children.watched)
        elif self.children.is_current(child):  # or it had to be stopped
            try:
                self._send(child)
                pause(self._patience_s, child)
                self._hear(child)
            except ChildDied as death:
                self._blame(child, death)
        self._watch(has_child=child is not None)

    def give_back(self) -> None:
        """Give back all that is in hand, and report it if Redis hears that now."""
        for _ in range(TRIES):  # a claim whose answer was lost may have got more
            self._give_back(self._hand)
            self._exchange(0)
            if self.is_idle:
                return
        for report in self._reports:
            log.error("request %s: not reported, its lease will run out", report.attempt.request_id)

    def await_redis(self, error: Exception) -> None:
        self._is_away = True
        log.warning("Redis cannot be reached, trying again: %s", error)
        pause(PAUSE_S)

    def close(self) -> None:
        self.children.close()
        self._traces.close()

    @property
    def _works_on_dropped(self) -> bool:
        return any(each.begun_at for each in self._dropped.values())

    @property
    def _patience_s(self) -> float:
        if self._reports:
            return max(0, self._report_at() - time.monotonic())
        if not self._hand:
            return WAIT_S
        return STEP_S if self._hand.begun else STARVING_S

    def _report_at(self) -> float:
        """0 is now: ended jobs share a round trip and a write to disk while the child has enough ahead."""
        has_ended_all = all(isinstance(each.ended, Outcome) for each in self._reports)
        return self._reports[0].made_at + SHARED_S if has_ended_all and self._hand.has_plenty else 0

    def _ready_child(self) -> Child | None:
        """Requests are claimed only when the child that will have them is ready."""
        is_busy = bool(self._dropped) or any(each.child for each in self._hand)
        try:
            return self.children.ready(may_replace=not is_busy)
        except (ChildDied, ChildRefused, OSError) as error:
            log.error("this worker cannot start: %s", error)
            self.give_back()
            raise SystemExit(BAD_SETTINGS if isinstance(error, ChildRefused) else 1) from None

    def _exchange(self, room: int, heartbeat: Callable[[], None] = lambda: None) -> None:
        """Report what has ended, renew leases and claim more, in one round trip."""
        is_idle = not (self._hand.begun or self._works_on_dropped)
        is_report_due = self._reports and self._report_at() <= time.monotonic()
        wants_more = room and (is_report_due or (is_idle and not self._bell.is_armed))
        # A claim also passes on a ring that is of no use here: it rings again while something waits.
        claims_too = self._bell.has_rung() or wants_more or self._is_away
        renewed = self._due_for_renewal()
        try:
            heartbeat()
            if not (is_report_due or renewed or claims_too):
                return
            together = self._together(renewed)
            if claims_too:
                holding = [each.request_id for each in self._hand]
                together.claim(self._owner, room, holding, is_idle=is_idle)
            results = iter(together.send())
        except RedisError as error:
            self._renew_at = 0
            self.await_redis(error)
            return
        self._is_away = False
        unreported = {(each.attempt.request_id, each.attempt.number) for each in self._reports}
        self._settle(results)
        for attempt, result in zip(renewed, results):  # noqa: B905 - claims follow
            if isinstance(result, IllegalMove):
                self._interrupt(attempt, Interrupted.NOT_OURS)
        for claims in results:
            if isinstance(claims, list):
                fresh = [each for each in claims if (each.request_id, each.attempt) not in unreported]
                for claim in fresh:  # not again what was on its way to Redis, which may have come too late
                    self._hand.add(Attempt(claim))
                if is_idle and len(claims) < room:
                    self._bell.arm()
            else:
                self.await_redis(claims)

    def _together(self, renewed: list[Attempt]) -> MovePipeline:
        together = self._transitions.pipeline()
        for report in self._reports:
            with report.attempt.named_in_logs():
                report.make(together)
        for attempt in renewed:
            together.renew(attempt.request_id, attempt.number)
        return together

    def _due_for_renewal(self) -> list[Attempt]:
        now = time.monotonic()
        if now < self._renew_at:
            return []
        self._renew_at = now + self._settings.heartbeat_s
        return list(self._hand)

    def _settle(self, results: Iterator[Result]) -> None:
        """Reports were heard, or have to be repeated, as Redis could not take them."""
        left, self._reports = self._reports, []
        for report, result in zip(left, results):  # noqa: B905 - others follow
            attempt = report.attempt
            with attempt.named_in_logs():
                if isinstance(result, RedisError):
                    log.warning("request %s: cannot report, trying again: %s", attempt.request_id, result)
                    self._reports.append(report)
                    continue
                if isinstance(result, IllegalMove):
                    report.clean_up(result, self._transitions, self._store)
                else:
                    report.log_made()
            trace_attempt(self._traces.tracer, attempt, report.ended)
        if self._reports:
            pause(PAUSE_S)

    def _send(self, child: Child) -> None:
        """Order what this child has not been given; a worn one is given no more."""
        for attempt in self._hand:
            if not self.children.has_successor and attempt.child is not child:
                attempt.send_to(child)
            elif self.children.has_successor and attempt.child and attempt.begun_at is None:
                child.drop(attempt.token)

    def _hear(self, child: Child) -> None:
        while self.children.is_current(child) and (event := child.event()):
            attempt = self._hand.get(event.token) or self._dropped[event.token]
            if event.outcome is None:
                attempt.begun_at = time.monotonic()
            elif self._dropped.pop(attempt.token, None):
                if event.outcome.output:  # the work had begun
                    refusal = IllegalMove("complete", attempt.request_id, "given back")
                    Report(attempt, event.outcome).clean_up(refusal, self._transitions, self._store)
                self._keep_or_lose(event.outcome)
            elif event.outcome.ending is Ending.DROPPED:
                attempt.child = None
            else:
                self._end(attempt, event.outcome, event.ready)

    def _end(self, attempt: Attempt, outcome: Outcome, ready: int) -> None:
        self._reports.append(Report(attempt, outcome, self._hand.end(attempt, ready)))
        metrics.count_lookups(outcome.caches)
        self._keep_or_lose(outcome)

    def _keep_or_lose(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.RETRY and outcome.code == FailureCode.INTERNAL:
            self._lose()  # memory that ran short may be in pieces: the next attempt gets all of it
        else:
            self.children.one_more_job_done()

    def _watch(self, *, has_child: bool) -> None:
        """End what must not go on; give back what another worker may begin sooner."""
        now = time.monotonic()
        for attempt in self._hand:
            if why := attempt.interruption(now):
                self._interrupt(attempt, why)
        self._give_back(self._hand.overdue(now, has_child=has_child))
        if not self._bell.is_armed:  # something may wait
            self._hand.feed(now)
        asked = [max(each.dropped_at, self._hand.ended_at) for each in self._dropped.values()]
        if not self._hand.begun and any(now - at > DROP_S for at in asked):
            log.warning("the child does not answer, it is replaced")
            self._lose()

    def _give_back(self, attempts: Iterable[Attempt]) -> None:
        """To the head of the queue, so that the oldest is next."""
        for attempt in sorted(attempts, key=lambda each: -each.claimed_at):
            self._interrupt(attempt, Interrupted.GIVEN_BACK)

    def _interrupt(self, attempt: Attempt, why: Interrupted) -> None:
        child, begun = attempt.child, attempt.begun_at is not None
        self._hand.remove(attempt)
        if why is Interrupted.NOT_OURS:
            log.info("request %s: attempt %d was stopped", attempt.request_id, attempt.number)
            trace_attempt(self._traces.tracer, attempt, why)
        else:
            self._reports.append(Report(attempt, why))
        if begun:
            self._lose()
        elif child:
            self._dropped[attempt.token], attempt.dropped_at = attempt, time.monotonic()
            with contextlib.suppress(ChildDied):  # which will be seen
                child.drop(attempt.token)

    def _blame(self, child: Child, death: ChildDied) -> None:
        """The child's death costs an attempt at what it worked on; where it only fetched, at the oldest."""
        with contextlib.suppress(ChildDied):
            self._hear(child)
        if not self.children.is_current(child):
            return
        had = [each for each in self._hand if each.child]
        blamed = self._hand.begun or next(iter(had), None)
        if blamed and not self._works_on_dropped:
            log.warning("request %s: %s", blamed.request_id, death)
            self._hand.remove(blamed)
            self._reports.append(Report(blamed, death))
        self._lose()

    def _lose(self) -> None:
        """Kill the child; the next one gets what is in hand."""
        self.children.lose()
        self._dropped.clear()
        for attempt in self._hand:
            attempt.child = attempt.begun_at = None
