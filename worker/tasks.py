"""The one task: a request's id in, its picture in the store and a terminal record out."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from redis import RedisError

from compositor import CompositorError, Superimposed, SuperimposeParams
from compositor import superimpose as compose
from jobs import inputs
from jobs.record import Output
from jobs.status import FailureCode
from jobs.store import new_token
from jobs.submission import PICTURES
from jobs.transitions import IllegalMove
from worker.content_check import ContentBlocked
from worker.fetch import FetchError
from worker.kit import Kit
from worker.outcome import Ending, Outcome

OUR_FAULT = "something went wrong on our side; it has been logged, submit it again"

STAGES = ("fetch", "decode", "inspect", "compose", "encode", "store")

log = logging.getLogger("superimpose.worker")


def superimpose(kit: Kit, request_id: str) -> Outcome:
    """Make the picture of one request. Never raises for what one request can do to it."""
    stages: dict[str, float] = {}
    try:
        attempt, params = kit.transitions.claim(request_id)
        try:
            output = _make(kit, params, stages)
        except ContentBlocked as block:
            log.warning("request %s: content check: %s", request_id, block.reason)
            return _caller_failed(kit, request_id, attempt, block, stages)
        except (FetchError, CompositorError) as fault:
            return _caller_failed(kit, request_id, attempt, fault, stages)
        except Exception:
            log.exception("request %s: attempt %d failed", request_id, attempt)
            return _we_failed(kit, request_id, attempt, stages)
        kit.transitions.complete(request_id, attempt, output, stages)
    except RedisError as error:
        log.error("request %s: Redis cannot be reached, this attempt is lost: %s", request_id, error)
        return Outcome(Ending.RETRY, "redis")
    except IllegalMove as refused:
        log.info("request %s: nothing to do, %s", request_id, refused.reason)
        return Outcome(Ending.FAILED if refused.reason == "exhausted" else Ending.DONE, refused.reason)
    seconds = sum(stages.get(stage, 0.0) for stage in STAGES)
    log.info("request %s COMPLETED in %.0f ms", request_id, 1000 * seconds)
    return Outcome(Ending.DONE)


def _make(kit: Kit, params: Mapping[str, Any], stages: dict[str, float]) -> Output:
    with _timed(stages, "fetch"):
        files = _fetch(kit, params)
    hits = kit.cache.hits if kit.cache else 0
    made = compose(
        files["base_image"],
        files["overlay_image"],
        SuperimposeParams(**params),
        files.get("mask"),
        limits=kit.limits,
        cache=kit.cache,
        inspect=kit.inspect,
    )
    stages.update({stage: round(seconds, 4) for stage, seconds in made.seconds.items()})
    if kit.cache:
        stages["cache_hits"] = kit.cache.hits - hits
    with _timed(stages, "store"):
        return _keep(kit, made)


def _fetch(kit: Kit, params: Mapping[str, Any]) -> dict[str, bytes]:
    names = [name for name in PICTURES if params.get(name)]
    return dict(zip(names, kit.threads.map(lambda name: _read(kit, name, params[name]), names), strict=True))


def _read(kit: Kit, field: str, reference: str) -> bytes:
    if reference.startswith(inputs.STORE):
        return kit.store.get(reference.removeprefix(inputs.STORE))
    if reference.startswith(inputs.SAMPLE):
        data = inputs.sample_bytes(reference.removeprefix(inputs.SAMPLE))
        if data is None:
            raise FileNotFoundError(reference)
        return data
    return kit.fetcher.get(reference, field=field)


def _keep(kit: Kit, made: Superimposed) -> Output:
    token = new_token()
    expires_at = time.time() + kit.settings.attempt_timeout_s + kit.settings.result_ttl_s
    path = kit.store.new_path("outputs", token, expires_at)
    kit.store.put(path, made.data)
    return Output(
        token, path, made.content_type, len(made.data), made.width, made.height, list(made.animated)
    )


def _caller_failed(
    kit: Kit,
    request_id: str,
    attempt: int,
    fault: FetchError | CompositorError | ContentBlocked,
    stages: dict[str, float],
) -> Outcome:
    if isinstance(fault, FetchError) and fault.transient and attempt < kit.settings.max_attempts:
        return Outcome(Ending.RETRY, fault.code)
    kit.transitions.fail(request_id, FailureCode(fault.code), str(fault), attempt, stages)
    log.info("request %s FAILED: %s", request_id, fault.code)
    return Outcome(Ending.FAILED, fault.code)


def _we_failed(kit: Kit, request_id: str, attempt: int, stages: dict[str, float]) -> Outcome:
    if attempt < kit.settings.max_attempts:
        return Outcome(Ending.RETRY, FailureCode.INTERNAL)
    kit.transitions.fail(request_id, FailureCode.INTERNAL, OUR_FAULT, attempt, stages)
    return Outcome(Ending.FAILED, FailureCode.INTERNAL)


@contextmanager
def _timed(stages: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    stages[stage] = round(time.perf_counter() - start, 4)
