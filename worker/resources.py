"""What all tasks of a process share, opened once."""

from dataclasses import dataclass
from typing import Self

from compositor import DecodedCache, Inspect, Limits, Remove
from jobs.config.settings import Settings
from jobs.network.guard import own_hosts
from jobs.pictures.store import PictureStore
from worker.content_check import ContentCheck, inspection
from worker.fetch import BoundedDirectory, Fetcher, FetchRules
from worker.plugin import load_plugin


@dataclass(frozen=True)
class Resources:
    store: PictureStore
    fetcher: Fetcher
    limits: Limits
    cache: DecodedCache | None
    inspect: Inspect | None
    remove: Remove | None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises `UnusablePlugin`."""
        check: ContentCheck | None = load_plugin(settings, "content_check", "check")
        http_cache = None
        if settings.http_cache_bytes:  # shared by the workers of a host
            http_cache = BoundedDirectory(settings.data_dir / "http-cache", settings.http_cache_bytes)
        return cls(
            store=PictureStore.open(settings),
            fetcher=Fetcher(fetch_rules(settings), cache_directory=http_cache),
            limits=Limits(**settings.picture_limits),
            cache=DecodedCache(settings.cache_bytes) if settings.cache_bytes else None,
            inspect=inspection(check) if check else None,
            remove=load_plugin(settings, "remover", "remover"),
        )


def fetch_rules(settings: Settings) -> FetchRules:
    return FetchRules(
        allow_networks=settings.fetch_allow,
        refuse_networks=settings.fetch_refuse,
        allow_hosts=settings.fetch_hosts,
        refuse_hosts=own_hosts(settings),
        ports=settings.fetch_ports,
        connect_timeout_s=settings.fetch_timeout_s / 4,
        total_timeout_s=settings.fetch_timeout_s,
        user_agent=settings.fetch_user_agent,
        max_bytes=settings.max_input_bytes,
    )
