"""The current child and its successor."""

import logging

from jobs.config.settings import Settings
from worker.child.child import Child, ChildDied, ChildRefused

TRIES = 3  # to start a child: something else may kill one while it starts

log = logging.getLogger("superimpose.worker")


class Children:
    """One child at a time, replaced when it dies; a worn one is replaced only once its successor is ready."""

    def __init__(self, settings: Settings, child: type[Child] = Child) -> None:
        self._settings = settings
        self._child = child
        self._current: Child | None = None
        self._successor: Child | None = None
        self._jobs = 0
        self._deaths = 0  # while starting, in a row

    @property
    def watched(self) -> list[Child]:
        child = self._current or self._successor
        return [child] if child else []

    @property
    def has_successor(self) -> bool:
        return bool(self._successor and not self._successor.is_starting)

    def is_current(self, child: Child) -> bool:
        return child is self._current

    def ready(self, *, may_replace: bool = True) -> Child | None:
        """A child that can take orders; None while it starts.

        `may_replace`: the current child has no orders, so its successor may replace it.
        Raises `ChildDied` or `ChildRefused` if no child can be started.
        """
        if may_replace and self._current and self._current.has_ended():  # replaced before it gets an order
            self.kill_current()
        try:
            if self._current is None and self._successor is None:
                self._successor = self._child(self._settings)
            if self._successor and self.has_successor and (may_replace or self._current is None):
                self._promote(self._successor)
        except (ChildDied, ChildRefused) as error:
            self._deaths += self._current is None
            if self._deaths == TRIES or (self._current is None and isinstance(error, ChildRefused)):
                raise
            log.warning("a child could not be started: %s", error)
        return self._current

    def count_job(self) -> None:
        """Start a successor after `child_max_jobs` jobs or above `child_max_resident_bytes`."""
        self._jobs += 1
        if self._successor is None and self._is_worn():
            try:
                self._successor = self._child(self._settings)
            except (OSError, ChildDied) as error:
                log.warning("a worn child continues, its successor cannot be started: %s", error)

    def kill_current(self) -> None:
        if self._current:
            self._current.kill()
            self._current = None

    def close(self) -> None:
        self.kill_current()
        if self._successor:
            self._successor.kill()
            self._successor = None

    def _is_worn(self) -> bool:
        if self._current is None:
            return False
        grown = self._current.resident_bytes > self._settings.child_max_resident_bytes
        return grown or self._jobs >= self._settings.child_max_jobs

    def _promote(self, successor: Child) -> None:
        self._successor = None
        successor.await_ready()
        self.kill_current()
        self._current, self._jobs, self._deaths = successor, 0, 0
