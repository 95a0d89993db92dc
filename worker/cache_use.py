"""How often the caches were asked, told to the parent, which counts for all its children."""

from collections.abc import Mapping

from worker.resources import Resources

Lookups = tuple[int, int]
"""Hits and misses."""


class CacheUse:
    """Reads a resources's caches, and tells what is new since it was asked last."""

    def __init__(self, resources: Resources) -> None:
        self._kit = resources
        self._told: dict[str, Lookups] = {}

    def news(self) -> Mapping[str, Lookups]:
        """By cache; those that are off are not there."""
        caches = {"decoded": self._kit.cache, "http": self._kit.fetcher.cache}
        now = {name: (cache.hits, cache.misses) for name, cache in caches.items() if cache}
        told, self._told = self._told, now
        return {name: _since(told.get(name, (0, 0)), lookups) for name, lookups in now.items()}


def _since(before: Lookups, now: Lookups) -> Lookups:
    return now[0] - before[0], now[1] - before[1]
