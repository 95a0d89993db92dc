"""Pictures from addresses that clients choose, without letting them into our network."""

from worker.fetch.answers import Reserve
from worker.fetch.directory import BoundedDirectory
from worker.fetch.errors import FetchError
from worker.fetch.fetcher import Fetcher
from worker.fetch.rules import FetchRules

__all__ = ["BoundedDirectory", "FetchError", "FetchRules", "Fetcher", "Reserve"]
