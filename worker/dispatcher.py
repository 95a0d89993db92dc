"""Claims requests, has the child process them, and reports the results.

Several requests are claimed ahead, so that the child can start the next one at once; results are reported in
the round trip that claims the next requests.
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
from worker.bell import WAIT_S, Bell, pause
from worker.child.child import Child, ChildDied, ChildRefused
from worker.child.children import Children
from worker.child.messages import Ending, Outcome
from worker.prefetch import STARVING_S, PrefetchWindow
from worker.report import Report
from worker.tracing import trace_attempt

CHECK_S = 0.25  # interval at which deadlines and cancellations are checked
BATCH_REPORTS_S = 0.05  # how long a report may wait for the next one, while the child has a backlog
DROP_TIMEOUT_S = 2  # for the child to acknowledge a dropped order
PAUSE_S = 0.5  # between two attempts to reach Redis
TRIES = 3  # to give back all attempts

log = logging.getLogger("superimpose.worker")


class Dispatcher:
    """The worker's loop. All methods but `stop_soon` belong to one thread."""

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
        self._window = PrefetchWindow(1 + settings.fetch_ahead)
        self._dropped: dict[str, Attempt] = {}  # no longer in flight, but not yet acknowledged by the child
        self._reports: list[Report] = []
        self._renew_at = 0.0
        self._redis_is_away = False  # at the last try

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight or unreported; False while a claim's reply may have been lost."""
        return not (self._window or self._reports or self._redis_is_away)

    def stop_soon(self, request_id: str) -> bool:
        """Stop the attempt at a cancelled request; False if there is none. Called by another thread."""
        attempt = next((each for each in self._window if each.request_id == request_id), None)
        if attempt:
            attempt.stop_soon()
        return attempt is not None

    def step(self, heartbeat: Callable[[], None], *, is_stopping: bool = False) -> None:
        """Report, claim and send orders; then wait for the child, the bell or the next deadline.

        Raises `SystemExit` when no child can be started, with `BAD_SETTINGS` if the settings are the cause.
        """
        child = self._ready_child()
        self._exchange(self._window.free_slots if child and not is_stopping else 0, heartbeat)
        if child is None:
            pause(self._wait_s, *self.children.watched)
        elif self.children.is_current(child):  # unless `_exchange` had to kill it
            try:
                self._send_orders(child)
                pause(self._wait_s, child)
                self._handle_events(child)
            except ChildDied as death:
                self._handle_death(child, death)
        self._enforce_limits(has_child=child is not None)

    def give_back(self) -> None:
        """Give back all attempts, and report that if Redis can be reached now."""
        for _ in range(TRIES):  # a claim whose reply was lost may have returned more
            self._give_back(self._window)
            self._exchange(0)
            if self.is_idle:
                return
        for report in self._reports:
            log.error("request %s: not reported, its lease will expire", report.attempt.request_id)

    def await_redis(self, error: Exception) -> None:
        self._redis_is_away = True
        log.warning("Redis cannot be reached, trying again: %s", error)
        pause(PAUSE_S)

    def close(self) -> None:
        self.children.close()
        self._traces.close()

    @property
    def _is_processing_dropped(self) -> bool:
        return any(each.started_at for each in self._dropped.values())

    @property
    def _wait_s(self) -> float:
        if self._reports:
            return max(0, self._report_at() - time.monotonic())
        if not self._window:
            return WAIT_S
        return CHECK_S if self._window.started else STARVING_S

    def _report_at(self) -> float:
        """When to report, 0 for now: finished jobs share a round trip while the child has a backlog."""
        are_outcomes = all(isinstance(each.ended, Outcome) for each in self._reports)
        can_wait = are_outcomes and self._window.has_backlog
        return self._reports[0].created_at + BATCH_REPORTS_S if can_wait else 0

    def _ready_child(self) -> Child | None:
        """The child that can take orders; None while it starts, so that nothing is claimed too early."""
        is_busy = bool(self._dropped) or any(each.child for each in self._window)
        try:
            return self.children.ready(may_replace=not is_busy)
        except (ChildDied, ChildRefused, OSError) as error:
            log.error("this worker cannot start: %s", error)
            self.give_back()
            raise SystemExit(BAD_SETTINGS if isinstance(error, ChildRefused) else 1) from None

    def _exchange(self, free_slots: int, heartbeat: Callable[[], None] = lambda: None) -> None:
        """Report results, renew leases and claim up to `free_slots` requests, in one round trip."""
        is_idle = not (self._window.started or self._is_processing_dropped)
        is_report_due = self._reports and self._report_at() <= time.monotonic()
        needs_more = free_slots and (is_report_due or (is_idle and not self._bell.is_armed))
        # A claim also passes a ring on that this worker cannot use: it rings again while requests wait.
        claims_too = self._bell.has_rung() or needs_more or self._redis_is_away
        renewed = self._due_for_renewal()
        try:
            heartbeat()
            if not (is_report_due or renewed or claims_too):
                return
            together = self._together(renewed)
            if claims_too:
                holding = [each.request_id for each in self._window]
                together.claim(self._owner, free_slots, holding, is_idle=is_idle)
            results = iter(together.send())
        except RedisError as error:
            self._renew_at = 0
            self.await_redis(error)
            return
        self._redis_is_away = False
        reported = {(each.attempt.request_id, each.attempt.number) for each in self._reports}
        self._settle_reports(results)
        for attempt, result in zip(renewed, results):  # noqa: B905 - claims follow
            if isinstance(result, IllegalMove):
                self._interrupt(attempt, Interrupted.NOT_OURS)
        for claims in results:
            if isinstance(claims, list):
                # Redis returns an attempt again if it could not process its report in this round trip.
                new = [each for each in claims if (each.request_id, each.attempt) not in reported]
                for claim in new:
                    self._window.add(Attempt(claim))
                if is_idle and len(claims) < free_slots:
                    self._bell.arm()
            else:
                self.await_redis(claims)

    def _together(self, renewed: list[Attempt]) -> MovePipeline:
        together = self._transitions.pipeline()
        for report in self._reports:
            with report.attempt.log_context():
                report.send(together)
        for attempt in renewed:
            together.renew(attempt.request_id, attempt.number)
        return together

    def _due_for_renewal(self) -> list[Attempt]:
        now = time.monotonic()
        if now < self._renew_at:
            return []
        self._renew_at = now + self._settings.heartbeat_s
        return list(self._window)

    def _settle_reports(self, results: Iterator[Result]) -> None:
        """Log the reports that Redis accepted or refused; keep those that it failed to process."""
        sent, self._reports = self._reports, []
        for report, result in zip(sent, results):  # noqa: B905 - other results follow
            attempt = report.attempt
            with attempt.log_context():
                if isinstance(result, RedisError):
                    log.warning("request %s: cannot report, trying again: %s", attempt.request_id, result)
                    self._reports.append(report)
                    continue
                if isinstance(result, IllegalMove):
                    report.clean_up(result, self._transitions, self._store)
                else:
                    report.log_accepted()
            trace_attempt(self._traces.tracer, attempt, report.ended)
        if self._reports:
            pause(PAUSE_S)

    def _send_orders(self, child: Child) -> None:
        """Send `child` the attempts that it does not have; a worn child gets no more and drops the rest."""
        for attempt in self._window:
            if not self.children.has_successor and attempt.child is not child:
                attempt.send_to(child)
            elif self.children.has_successor and attempt.child and attempt.started_at is None:
                child.drop(attempt.token)

    def _handle_events(self, child: Child) -> None:
        while self.children.is_current(child) and (event := child.event()):
            attempt = self._window.get(event.token) or self._dropped[event.token]
            if event.outcome is None:
                attempt.started_at = time.monotonic()
            elif self._dropped.pop(attempt.token, None):
                if event.outcome.output:  # the child had started before it received the drop
                    refusal = IllegalMove("complete", attempt.request_id, "given back")
                    Report(attempt, event.outcome).clean_up(refusal, self._transitions, self._store)
                self._count_job(event.outcome)
            elif event.outcome.ending is Ending.DROPPED:
                attempt.child = None
            else:
                occupied_s = self._window.finish(attempt, event.ready)
                self._reports.append(Report(attempt, event.outcome, occupied_s))
                metrics.count_lookups(event.outcome.caches)
                self._count_job(event.outcome)

    def _count_job(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.RETRY and outcome.code == FailureCode.INTERNAL:
            self._kill_child()  # its memory may be fragmented: the next attempt gets a new process
        else:
            self.children.count_job()

    def _enforce_limits(self, *, has_child: bool) -> None:
        """Stop late and cancelled attempts, give back overdue ones, and replace an unresponsive child."""
        now = time.monotonic()
        for attempt in self._window:
            if why := attempt.interruption(now):
                self._interrupt(attempt, why)
        self._give_back(self._window.overdue(now, has_child=has_child))
        if not self._bell.is_armed:  # requests may wait in the queue
            self._window.grow_if_starving(now)
        drops = [max(each.dropped_at, self._window.last_finished_at) for each in self._dropped.values()]
        if not self._window.started and any(now - at > DROP_TIMEOUT_S for at in drops):
            log.warning("the child does not respond, it is replaced")
            self._kill_child()

    def _give_back(self, attempts: Iterable[Attempt]) -> None:
        """Each goes to the head of the queue: the newest first, so that the oldest ends up in front."""
        for attempt in sorted(attempts, key=lambda each: -each.claimed_at):
            self._interrupt(attempt, Interrupted.GIVEN_BACK)

    def _interrupt(self, attempt: Attempt, why: Interrupted) -> None:
        child, has_started = attempt.child, attempt.started_at is not None
        self._window.remove(attempt)
        if why is Interrupted.NOT_OURS:
            log.info("request %s: attempt %d was stopped", attempt.request_id, attempt.number)
            trace_attempt(self._traces.tracer, attempt, why)
        else:
            self._reports.append(Report(attempt, why))
        if has_started:
            self._kill_child()
        elif child:
            self._dropped[attempt.token], attempt.dropped_at = attempt, time.monotonic()
            with contextlib.suppress(ChildDied):  # `_handle_events` raises it again
                child.drop(attempt.token)

    def _handle_death(self, child: Child, death: ChildDied) -> None:
        """Count the child's death against the started attempt; if there is none, against the oldest."""
        with contextlib.suppress(ChildDied):
            self._handle_events(child)
        if not self.children.is_current(child):
            return
        ordered = [each for each in self._window if each.child]
        blamed = self._window.started or next(iter(ordered), None)
        if blamed and not self._is_processing_dropped:
            log.warning("request %s: %s", blamed.request_id, death)
            self._window.remove(blamed)
            self._reports.append(Report(blamed, death))
        self._kill_child()

    def _kill_child(self) -> None:
        """The next child gets all attempts in flight."""
        self.children.kill_current()
        self._dropped.clear()
        for attempt in self._window:
            attempt.child = attempt.started_at = None
