"""Fetches pictures from URLs that clients choose, without giving access to our network."""

from worker.fetch.directory import BoundedDirectory
from worker.fetch.errors import Fault, FetchError
from worker.fetch.fetcher import Fetcher
from worker.fetch.response import Reserve
from worker.fetch.rules import FetchRules

__all__ = ["BoundedDirectory", "Fault", "FetchError", "FetchRules", "Fetcher", "Reserve"]
