"""One attempt to deliver an event: builds the message and interprets the response."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from jobs.config.settings import Settings
from jobs.network.urls import Target
from jobs.timefmt import read_retry_after
from jobs.webhooks.body import event_body
from jobs.webhooks.deliveries import Attempt
from jobs.webhooks.exchange import Ending, Event, Report
from jobs.webhooks.rules import InvalidWebhook, WebhookRules
from jobs.webhooks.secrets import WebhookSecrets, sign
from telemetry.traces import TRACEPARENT, read_traceparent, write_traceparent
from webhooks.connection import InvalidResponse, Response
from webhooks.connections import Connections, Unreachable, Untrusted

TIMEOUT_S = 15.0
CACHE_SIZE = 1000  # parsed URLs, and derived secrets; most events go to the same receivers
JITTER = 0.2
WITH_RETRY_AFTER = frozenset({429, 503})
GONE = 410

UNREACHABLE = "could not be reached"
UNTRUSTED = "has no valid TLS certificate for its name"
TIMED_OUT = f"did not respond within {TIMEOUT_S:g} s"
CLOSED = "closed the connection before it responded"
INVALID = "did not respond in HTTP/1.1"
OUR_FAULT = "was not contacted because of an error of this server, which is in its log"

log = logging.getLogger("superimpose.webhooks")


class Attempts:
    """Makes attempts. `now` returns seconds since the epoch, for timestamps."""

    def __init__(
        self, settings: Settings, connections: Connections, now: Callable[[], float], tracer: Tracer
    ) -> None:
        self._target = lru_cache(CACHE_SIZE)(WebhookRules(settings).target)
        self._secrets = lru_cache(CACHE_SIZE)(WebhookSecrets(settings).signing)
        self._connections = connections
        self._now = now
        self._tracer = tracer
        self._user_agent = f"Superimpose-Webhooks/{version('superimpose')}"

    async def make(self, event: Event) -> Report:
        """Send an event once. Of the response only status and time are reported, never its content."""
        span = self._start_span(event)
        at, started_s = self._now(), time.monotonic()
        response, error, reason = None, None, ""
        try:
            response = await self._send(event, int(at), write_traceparent(span))
        except (InvalidWebhook, Unreachable) as failure:
            error, reason = UNREACHABLE, str(failure)
        except Untrusted as failure:
            error, reason = UNTRUSTED, str(failure)
        except InvalidResponse as failure:
            error, reason = INVALID, str(failure)
        except TimeoutError:
            error = TIMED_OUT
        except OSError as failure:
            error, reason = CLOSED, str(failure)
        except Exception:  # retry the event, and continue with others
            log.exception("request %s: its event could not be sent", event.request_id)
            error = OUR_FAULT
        took_ms = round((time.monotonic() - started_s) * 1000)
        status = response.status if response else None
        attempt = Attempt(at, status, took_ms, error or _error(status))
        report = Report(
            event,
            _ending(status),
            attempt,
            read_retry_after(response.retry_after) if response and status in WITH_RETRY_AFTER else 0,
            random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 so that not all retry at once
        )
        _end_span(span, report)
        if report.ending is Ending.RETRY:
            shown = f"{attempt.error}{f' ({reason!a})' if reason else ''}"
            log.info("request %s: attempt %d at its event failed: %s", event.request_id, event.attempt, shown)
        return report

    def _start_span(self, event: Event) -> Span:
        """A child of the span of the submit; the receiver's span may be its child."""
        attributes: dict[str, str | int] = {
            "superimpose.request_id": event.request_id,
            "superimpose.key_id": event.record.key_id,
            "superimpose.attempt": event.attempt,
        }
        parent = read_traceparent([event.traceparent])
        return self._tracer.start_span("webhook", parent, SpanKind.CLIENT, attributes)

    async def _send(self, event: Event, timestamp: int, traceparent: str) -> Response:
        target = self._target(event.url)
        body = event_body(event.record, event.origin, event.has_base64)
        secrets = self._secrets(event.record.key_id, event.generation, event.with_former)
        signatures = " ".join(sign(secret, event.message_id, timestamp, body) for secret in secrets)
        head = self._head(target, event.message_id, timestamp, signatures, len(body), traceparent)
        async with asyncio.timeout(TIMEOUT_S):
            return await self._connections.send(target, head + body, event.lane)

    def _head(
        self, target: Target, message_id: str, timestamp: int, signatures: str, size: int, traceparent: str
    ) -> bytes:
        trace_header = f"{TRACEPARENT}: {traceparent}\r\n" if traceparent else ""
        return (
            f"POST {target.request_target} HTTP/1.1\r\n"
            f"host: {target.authority}\r\n"
            f"user-agent: {self._user_agent}\r\n"
            "accept: */*\r\n"
            "content-type: application/json\r\n"
            f"content-length: {size}\r\n"
            f"{trace_header}"
            f"webhook-id: {message_id}\r\n"
            f"webhook-timestamp: {timestamp}\r\n"
            f"webhook-signature: {signatures}\r\n\r\n"
        ).encode()


def _end_span(span: Span, report: Report) -> None:
    if report.entry and report.entry.status is not None:
        span.set_attribute("http.response.status_code", report.entry.status)
    if report.ending is Ending.RETRY and report.entry:
        span.set_status(Status(StatusCode.ERROR, report.entry.error))
    span.end()


def _ending(status: int | None) -> Ending:
    if status is not None and 200 <= status < 300:
        return Ending.DELIVERED
    return Ending.GONE if status == GONE else Ending.RETRY


def _error(status: int | None) -> str | None:
    if _ending(status) is Ending.DELIVERED:
        return None
    is_redirect = status is not None and 300 <= status < 400
    return f"answered {status}{': redirects are not followed' if is_redirect else ''}"
