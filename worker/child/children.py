"""The current child, and the successor that will take its place."""

import logging

from jobs.config.settings import Settings
from worker.child.child import Child, ChildDied, ChildRefused

TRIES = 3  # to start a child, which something else may kill too

log = logging.getLogger("superimpose.worker")


class Children:
    """One child at a time; it is replaced when it is worn, without a gap, and when it has died."""

    def __init__(self, settings: Settings, child: type[Child] = Child) -> None:
        self._settings = settings
        self._child = child
        self._current: Child | None = None
        self._successor: Child | None = None
        self._jobs = 0
        self._deaths = 0  # at the start, one after another

    @property
    def watched(self) -> list[Child]:
        """The current one, or the one that starts."""
        child = self._current or self._successor
        return [child] if child else []

    @property
    def has_successor(self) -> bool:
        """Whether another child can take over from a worn one."""
        return bool(self._successor and not self._successor.is_starting)

    def is_current(self, child: Child) -> bool:
        return child is self._current

    def ready(self, *, may_replace: bool = True) -> Child | None:
        """A child that can take an order; None while it starts.

        `may_replace`: the current one has no orders. One that is worn is replaced by its successor.
        Raises `ChildDied`, `ChildRefused` where none can be had.
        """
        if may_replace and self._current and self._current.has_ended():  # which must not cost an attempt
            self.lose()
        try:
            if self._current is None and self._successor is None:
                self._successor = self._child(self._settings)
            if self._successor and self.has_successor and (may_replace or self._current is None):
                self._let_take_over(self._successor)
        except (ChildDied, ChildRefused) as error:
            self._deaths += self._current is None
            if self._deaths == TRIES or (self._current is None and isinstance(error, ChildRefused)):
                raise
            log.warning("a child could not be started: %s", error)
        return self._current

    def one_more_job_done(self) -> None:
        """A child that has done enough, or has grown, gets a successor, which starts while it works on."""
        self._jobs += 1
        if self._successor is None and self._is_worn():
            try:
                self._successor = self._child(self._settings)
            except (OSError, ChildDied) as error:
                log.warning("a worn child works on, its successor cannot be started: %s", error)

    def lose(self) -> None:
        """Kill the current child; the next order goes to another."""
        if self._current:
            self._current.kill()
            self._current = None

    def close(self) -> None:
        """End all of them: an idle child has nothing to save."""
        for child in (self._current, self._successor):
            if child:
                child.kill()
        self._current = self._successor = None

    def _is_worn(self) -> bool:
        if self._current is None:
            return False
        grown = self._current.resident_bytes > self._settings.child_max_resident_bytes
        return grown or self._jobs >= self._settings.child_max_jobs

    def _let_take_over(self, successor: Child) -> None:
        self._successor = None
        successor.await_ready()
        self.lose()
        self._current, self._jobs, self._deaths = successor, 0, 0
