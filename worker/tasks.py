"""The task of a job: render the request and store the output."""

import logging
import time

from obstore.exceptions import BaseError as StoreError

from compositor import CompositorError, File, render
from compositor.models import read
from compositor.models.superimpose_v2 import NO_REMOVER
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.pictures import inputs
from jobs.pictures.store import reason_of
from worker.child.intake import Job
from worker.child.messages import Ending, Order, Outcome
from worker.content_check import ContentBlocked
from worker.fetch import Fault, FetchError, Reserve
from worker.resources import Resources

OUR_FAULT = "something went wrong on our side; it has been logged, submit it again"

log = logging.getLogger("superimpose.worker")


def superimpose(resources: Resources, job: Job) -> Outcome:
    """Process one job. Never raises for an error that a request can cause."""
    order, stages = job.order, {"fetch": job.fetch_s or 0}
    try:
        output = _process(resources, job, stages)
    except ContentBlocked as block:
        log.warning("request %s: content check: %s", order.request_id, block.reason)
        return Outcome(Ending.FAILED, block.code, str(block), stages=stages)
    except FetchError as fault:
        ending = Ending.RETRY if fault.transient else Ending.FAILED
        return Outcome(ending, fault.code, str(fault), stages=stages, retry_after_s=fault.retry_after_s)
    except CompositorError as fault:
        return Outcome(Ending.FAILED, fault.code, str(fault), stages=stages)
    except StoreError as error:
        text = "request %s: attempt %d failed: the store failed: %s"
        log.error(text, order.request_id, order.attempt, reason_of(error))
        return Outcome(Ending.RETRY, FailureCode.INTERNAL, OUR_FAULT, stages=stages)
    except Exception:
        log.exception("request %s: attempt %d failed", order.request_id, order.attempt)
        return Outcome(Ending.RETRY, FailureCode.INTERNAL, OUR_FAULT, stages=stages)
    return Outcome(Ending.DONE, output=output, stages=stages)


def _process(resources: Resources, job: Job, stages: dict[str, float]) -> Output:
    order, files = job.order, job.files()
    hits = resources.cache.hits if resources.cache else 0
    scene = read(order.params).scene()
    rendered = render(
        scene,
        files,
        limits=resources.limits,
        cache=resources.cache,
        owner=order.key_id,
        inspect=resources.inspect,
        remove=resources.remove,
    )
    stages.update({stage: round(seconds, 4) for stage, seconds in rendered.seconds.items()})
    if resources.cache:
        stages["cache_hits"] = resources.cache.hits - hits
    removes = any(layer.removal for layer in scene.layers)
    warnings = [NO_REMOVER] if removes and resources.remove is None else []
    start = time.perf_counter()
    resources.store.put(order.path, rendered.data, rendered.content_type)
    stages["store"] = round(time.perf_counter() - start, 4)
    return Output(
        order.token,
        order.path,
        rendered.content_type,
        len(rendered.data),
        rendered.width,
        rendered.height,
        list(rendered.animated),
        warnings,
    )


def read_input(resources: Resources, order: Order, field: str, reserve: Reserve) -> File:
    """The input that the parameter `field` names; not read if its decoded pixels are cached.

    Raises `FetchError`, and the errors of `reserve`.
    """
    reference = inputs.pictures(order.params)[field]
    if inputs.is_url(reference):
        return resources.fetcher.get(
            reference,
            field=field,
            owner=order.key_id,
            accepted_at=order.accepted_at,
            reserve=reserve,
            is_decoded=resources.cache.holds if resources.cache else None,
        )
    if reference.startswith(inputs.STORE):
        return File(_read_stored(resources, field, reference.removeprefix(inputs.STORE), reserve))
    data = inputs.sample_bytes(reference.removeprefix(inputs.SAMPLE))
    if data is None:
        raise FileNotFoundError(reference)
    return File(data)


def _read_stored(resources: Resources, field: str, path: str, reserve: Reserve) -> bytes:
    try:
        return resources.store.get(path, reserve)
    except FileNotFoundError:
        if path.startswith("inputs/"):  # inline inputs outlive their request, so this is our fault
            raise
        advice = "upload pictures that are needed for longer, at /upload-asset"
        fault = Fault(f"expired before the request was processed: {advice}", reason="it has expired")
        raise FetchError(field, "this picture of the service", fault) from None
