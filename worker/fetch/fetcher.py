"""Fetches one picture from an address that a client chose.

By httpcore, without httpx above it: that keeps cookies from one client's fetch to the next, logs whole URLs,
and reads proxies and netrc from the environment.
"""

import logging
import math
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Self

import certifi
import httpcore

from compositor import File, Unread
from jobs.network.addresses import AddressRules
from jobs.network.guard import Guard
from jobs.network.hosts import HostRules
from jobs.network.resolve import Resolve, system_resolve
from jobs.network.urls import InvalidUrl, Target, UrlRules
from worker.fetch.answers import Reserve, Response, read_image, skip_short_body, unbounded
from worker.fetch.cache import For, Gone, HttpCache, IsDecoded
from worker.fetch.deadline import deadline_in, time_left
from worker.fetch.directory import BoundedDirectory
from worker.fetch.errors import BROKEN_OFF, FAILURES, Fault, FetchError, fault_of, gone, unreachable
from worker.fetch.flights import Flights, Hop
from worker.fetch.freshness import is_for_one
from worker.fetch.network import CheckedNetwork
from worker.fetch.rules import FetchRules

logger = logging.getLogger("superimpose.fetch")

HEADERS = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
CONNECTIONS = 200  # more than are asked for at once, as waiting for one takes of a fetch's time
KEPT_CONNECTIONS = 48
IDLE_S = 30.0  # of a connection, until it is closed
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Fetcher:
    """Gets pictures by http and https under `rules`. One for a process, shared by its threads.

    Make it after a fork, never before: its kept-alive connections must not be shared by two processes.
    `resolve` and `ssl_context` replace the system's look-up and certifi's authorities. What servers allow to
    be used again is kept in `kept_in`, and found there under the same rules only.
    Raises ValueError when a rule cannot be read.
    """

    def __init__(
        self,
        rules: FetchRules,
        *,
        resolve: Resolve = system_resolve,
        ssl_context: ssl.SSLContext | None = None,
        kept_in: BoundedDirectory | None = None,
    ) -> None:
        self._rules = rules
        self._urls = UrlRules(rules.ports)
        self.cache = HttpCache(kept_in, scope=f"{rules} {HEADERS}") if kept_in else None
        guard = Guard(
            HostRules(only=rules.allow_hosts, own=rules.refuse_hosts),
            AddressRules(allow=rules.allow_networks, refuse=rules.refuse_networks),
        )
        self._flights = Flights()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(cafile=certifi.where()),
            max_connections=CONNECTIONS,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=IDLE_S,
            network_backend=CheckedNetwork(guard, resolve),
        )

    def get(
        self,
        url: str,
        *,
        field: str,
        owner: str = "",
        made_at: float = math.inf,
        reserve: Reserve = unbounded,
        is_decoded: IsDecoded | None = None,
    ) -> File:
        """The file at `url`, cached for the API key `owner`, or for all where their server says `public`.

        What its server said after `made_at`, in seconds since the epoch, may be used without asking again.
        A cached one that `is_decoded` stays unread; where that is gone when it is read, it raises FetchError.
        Raises FetchError, naming `field`, and what `reserve` raises.
        """
        shown = "the address"
        try:
            target = self._urls.target(url)
            shown = target.shown
            with deadline_in(self._rules.total_timeout_s, partial(reserve, 0)):
                file = self._follow(target, For(owner, made_at, reserve, is_decoded))
        except (Fault, *FAILURES) as error:
            fault = fault_of(error)
            logger.info("%s: %s was not fetched: %s", field, shown, fault.reason)
            raise FetchError(field, shown, fault) from error

        def body() -> bytes:
            try:
                return file.data
            except Gone:
                raise FetchError(field, shown, gone()) from None

        return Unread(file.digest, body) if isinstance(file, Unread) else file

    def _follow(self, target: Target, whom: For) -> File:
        for _ in range(self._rules.max_redirects + 1):
            found = self._find(target, whom)
            if isinstance(found, File):
                return found
            target = found
        raise Fault(
            "redirects too often: give the image's own address",
            reason=f"more than {self._rules.max_redirects} redirects",
        )

    def _find(self, target: Target, whom: For) -> File | Target:
        ask = partial(self._ask, target, whom)
        hop, is_ours = self._flights.join((target.url, whom.owner), ask) if whom.owner else (ask(), True)
        if isinstance(hop.found, Fault):
            raise Fault(**vars(hop.found))  # one for each thread, as its traceback grows
        if not is_ours and isinstance(hop.found, File):
            whom.reserve(hop.found.nbytes)
        return hop.found

    def _ask(self, target: Target, whom: For) -> Hop:
        kept = self.cache.find(target.url, whom) if self.cache else None
        if self.cache and kept:
            if kept.is_fresh:
                return Hop(kept.file, kept.serves_later)
            asked_at = time.time()
            with closing(self._send(target, kept.conditions)) as response:
                if response.status != HTTPStatus.NOT_MODIFIED:
                    return self._read(target, response, whom, asked_at)
                skip_short_body(response)
                if self.cache.renew(target.url, whom.owner, kept, response.headers, asked_at):
                    return Hop(kept.file, not is_for_one(response.headers))
            # The 304 is about another picture, or cannot be kept: fetch this one whole.
        asked_at = time.time()
        with closing(self._send(target)) as response:
            return self._read(target, response, whom, asked_at)

    def _read(self, target: Target, response: Response, whom: For, asked_at: float) -> Hop:
        found: File | Target | Fault
        try:
            found = self._found(target, response, whom, asked_at)
        except Fault as fault:
            found = Fault(**vars(fault))  # without the traceback, which holds what was read
        return Hop(found, not is_for_one(response.headers))

    def _found(self, target: Target, response: Response, whom: For, asked_at: float) -> File | Target:
        location = response.headers.get("location")
        if location is not None and response.status in REDIRECTS:
            skip_short_body(response)
            return self._next(target, location)
        file = File(read_image(response, self._rules.max_bytes, whom.reserve))
        if self.cache:
            self.cache.keep(target.url, whom.owner, response.headers, file, asked_at)
        return file

    def _next(self, target: Target, location: str) -> Target:
        try:
            following = self._urls.redirected(target, location)
        except InvalidUrl as error:
            raise unreachable(f"redirect: the address {error}") from error
        if target.scheme == "https" and following.scheme == "http":
            raise Fault(
                "redirects from https to http: give the image's own address", reason="redirect to http"
            )
        return following

    def _send(self, target: Target, conditions: Mapping[str, str] | None = None) -> Response:
        headers = {
            "Host": target.authority,
            "User-Agent": self._rules.user_agent,
            **HEADERS,
            **(conditions or {}),
        }
        try:
            return self._sent(target, headers)
        except BROKEN_OFF:
            # A kept-alive connection may end just as we use it, which says nothing about the server.
            return self._sent(target, headers)

    def _sent(self, target: Target, headers: Mapping[str, str]) -> Response:
        left_s = time_left()
        timeouts = {"connect": self._rules.connect_timeout_s, "read": left_s, "write": left_s, "pool": left_s}
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.request_target
        )
        request = httpcore.Request(
            "GET", url, headers=list(headers.items()), extensions={"timeout": timeouts}
        )
        return Response(self._pool.handle_request(request))

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
