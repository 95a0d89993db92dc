"""Fetches one picture from a URL that a client chose.

Uses httpcore without httpx, which would carry cookies from one client's fetch to the next, log whole URLs and
read proxies and netrc from the environment.
"""

import logging
import math
import ssl
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from functools import partial
from http import HTTPStatus

import certifi
import httpcore

from compositor import File, Unread
from jobs.network.addresses import AddressRules
from jobs.network.guard import Guard, HostRules
from jobs.network.resolve import Resolve, system_resolve
from jobs.network.urls import InvalidUrl, Target, UrlRules
from worker.fetch.cache import FetchContext, Gone, HttpCache, IsDecoded
from worker.fetch.deadline import deadline_in, time_left
from worker.fetch.directory import BoundedDirectory
from worker.fetch.errors import BROKEN_OFF, FAILURES, Fault, FetchError, fault_of, unreachable
from worker.fetch.flights import Flights, Hop
from worker.fetch.freshness import is_single_use
from worker.fetch.network import CheckedNetwork
from worker.fetch.response import Reserve, Response, read_image, skip_short_body, unbounded
from worker.fetch.rules import FetchRules

logger = logging.getLogger("superimpose.fetch")

HEADERS = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
MAX_CONNECTIONS = 200  # more than are used at once: waiting for one would count against a fetch's deadline
MAX_IDLE_CONNECTIONS = 48
IDLE_TIMEOUT_S = 30.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Fetcher(AbstractContextManager["Fetcher"]):
    """Gets pictures by http and https under `rules`. One per process, shared by its threads.

    Create it after a fork, never before: two processes must not share its open connections.
    `resolve` and `ssl_context` replace the system's look-up and certifi's authorities. `cache_directory`
    holds cached responses, which are found under the same rules only. Raises ValueError for an invalid rule.
    """

    def __init__(
        self,
        rules: FetchRules,
        *,
        resolve: Resolve = system_resolve,
        ssl_context: ssl.SSLContext | None = None,
        cache_directory: BoundedDirectory | None = None,
    ) -> None:
        self._rules = rules
        self._urls = UrlRules(rules.ports)
        self.cache = HttpCache(cache_directory, scope=f"{rules} {HEADERS}") if cache_directory else None
        guard = Guard(
            HostRules(only=rules.allow_hosts, own=rules.refuse_hosts),
            AddressRules(allow=rules.allow_networks, refuse=rules.refuse_networks),
        )
        self._flights = Flights()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(cafile=certifi.where()),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_TIMEOUT_S,
            network_backend=CheckedNetwork(guard, resolve),
        )

    def get(
        self,
        url: str,
        *,
        field: str,
        owner: str = "",
        accepted_at: float = math.inf,
        reserve: Reserve = unbounded,
        is_decoded: IsDecoded | None = None,
    ) -> File:
        """The file at `url`, cached for the API key `owner`, or for all keys if its server says `public`.

        A response to a request sent after `accepted_at`, in seconds since the epoch, is used without
        revalidation. A cached file that `is_decoded` is not read; reading it later raises FetchError if it is
        gone by then. Raises FetchError, which names `field`, and the errors of `reserve`.
        """
        shown = "the address"
        try:
            target = self._urls.target(url)
            shown = target.shown
            with deadline_in(self._rules.total_timeout_s, partial(reserve, 0)):
                file = self._follow(target, FetchContext(owner, accepted_at, reserve, is_decoded))
        except (Fault, *FAILURES) as error:
            fault = fault_of(error)
            logger.info("%s: %s was not fetched: %s", field, shown, fault.reason)
            raise FetchError(field, shown, fault) from error

        def body() -> bytes:
            try:
                return file.data
            except Gone:
                text = "changed while the request waited: submit it again"
                fault = Fault(text, reason="its cached copy is gone", transient=True)
                raise FetchError(field, shown, fault) from None

        return Unread(file.digest, body) if isinstance(file, Unread) else file

    def _follow(self, target: Target, context: FetchContext) -> File:
        for _ in range(self._rules.max_redirects + 1):
            result = self._find(target, context)
            if isinstance(result, File):
                return result
            target = result
        raise Fault(
            "redirects too often: give the image's own address",
            reason=f"more than {self._rules.max_redirects} redirects",
        )

    def _find(self, target: Target, context: FetchContext) -> File | Target:
        request = partial(self._request, target, context)
        if context.owner:
            hop, is_ours = self._flights.join((target.url, context.owner), request)
        else:
            hop, is_ours = request(), True
        if isinstance(hop.result, Fault):
            raise Fault(**vars(hop.result))  # a copy for each thread, because raising extends its traceback
        if not is_ours and isinstance(hop.result, File):
            context.reserve(hop.result.nbytes)
        return hop.result

    def _request(self, target: Target, context: FetchContext) -> Hop:
        cached = self.cache.find(target.url, context) if self.cache else None
        if self.cache and cached:
            if cached.is_fresh:
                return Hop(cached.file, cached.is_shareable)
            asked_at = time.time()
            with closing(self._send(target, cached.conditions)) as response:
                if response.status != HTTPStatus.NOT_MODIFIED:
                    return self._read(target, response, context, asked_at)
                skip_short_body(response)
                if self.cache.refresh(target.url, context.owner, cached, response.headers, asked_at):
                    return Hop(cached.file, not is_single_use(response.headers))
            # The 304 is for another picture, or cannot be stored: fetch the body.
        asked_at = time.time()
        with closing(self._send(target)) as response:
            return self._read(target, response, context, asked_at)

    def _read(self, target: Target, response: Response, context: FetchContext, asked_at: float) -> Hop:
        result: File | Target | Fault
        try:
            result = self._file_or_redirect(target, response, context, asked_at)
        except Fault as fault:
            result = Fault(**vars(fault))  # without the traceback, which keeps the body alive
        return Hop(result, not is_single_use(response.headers))

    def _file_or_redirect(
        self, target: Target, response: Response, context: FetchContext, asked_at: float
    ) -> File | Target:
        location = response.headers.get("location")
        if location is not None and response.status in REDIRECTS:
            skip_short_body(response)
            return self._redirected(target, location)
        file = File(read_image(response, self._rules.max_bytes, context.reserve))
        if self.cache:
            self.cache.store(target.url, context.owner, response.headers, file, asked_at)
        return file

    def _redirected(self, target: Target, location: str) -> Target:
        try:
            redirected = self._urls.redirected(target, location)
        except InvalidUrl as error:
            raise unreachable(f"redirect: the address {error}") from error
        if target.scheme == "https" and redirected.scheme == "http":
            raise Fault(
                "redirects from https to http: give the image's own address", reason="redirect to http"
            )
        return redirected

    def _send(self, target: Target, conditions: Mapping[str, str] | None = None) -> Response:
        identity = {"Host": target.authority, "User-Agent": self._rules.user_agent}
        headers = {**identity, **HEADERS, **(conditions or {})}
        try:
            return self._send_once(target, headers)
        except BROKEN_OFF:
            # The server may close an idle connection just as we use it.
            return self._send_once(target, headers)

    def _send_once(self, target: Target, headers: Mapping[str, str]) -> Response:
        left_s = time_left()
        timeouts = {"connect": self._rules.connect_timeout_s, "read": left_s, "write": left_s, "pool": left_s}
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.request_target
        )
        request = httpcore.Request(
            "GET", url, headers=list(headers.items()), extensions={"timeout": timeouts}
        )
        return Response(self._pool.handle_request(request))

    def __exit__(self, *_: object) -> None:
        self._pool.close()
