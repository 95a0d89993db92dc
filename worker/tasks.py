"""The one task: what a request asks for in, its picture in the store out."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from compositor import CompositorError, File, Rendered, Scene, render
from compositor.models import read
from compositor.models.superimpose_v2 import NO_REMOVER
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.pictures import inputs
from worker.child.intake import Job
from worker.child.messages import Ending, Order, Outcome
from worker.content_check import ContentBlocked
from worker.fetch import FetchError, Reserve
from worker.resources import Resources

OUR_FAULT = "something went wrong on our side; it has been logged, submit it again"

log = logging.getLogger("superimpose.worker")


class PictureExpired(Exception):
    code = FailureCode.FETCH_FAILED

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field}: this picture of the service expired before its turn came: "
            "upload what is needed for longer, at /upload-asset"
        )


def superimpose(resources: Resources, job: Job) -> Outcome:
    """Make the picture of one request. Never raises for what one request can do to it."""
    order, stages = job.order, {"fetch": job.fetch_s or 0}
    try:
        output = _make(resources, job, stages)
    except ContentBlocked as block:
        log.warning("request %s: content check: %s", order.request_id, block.reason)
        return Outcome(Ending.FAILED, block.code, str(block), stages=stages)
    except FetchError as fault:
        ending = Ending.RETRY if fault.transient else Ending.FAILED
        return Outcome(ending, fault.code, str(fault), stages=stages, retry_after_s=fault.retry_after_s)
    except (PictureExpired, CompositorError) as fault:
        return Outcome(Ending.FAILED, fault.code, str(fault), stages=stages)
    except Exception:
        log.exception("request %s: attempt %d failed", order.request_id, order.attempt)
        return Outcome(Ending.RETRY, FailureCode.INTERNAL, OUR_FAULT, stages=stages)
    return Outcome(Ending.DONE, output=output, stages=stages)


def _make(resources: Resources, job: Job, stages: dict[str, float]) -> Output:
    order, files = job.order, job.files()
    hits = resources.cache.hits if resources.cache else 0
    scene = read(order.params).scene()
    made = render(
        scene,
        files,
        limits=resources.limits,
        cache=resources.cache,
        owner=order.key_id,
        inspect=resources.inspect,
        remove=resources.remove,
    )
    stages.update({stage: round(seconds, 4) for stage, seconds in made.seconds.items()})
    if resources.cache:
        stages["cache_hits"] = resources.cache.hits - hits
    with _timed(stages, "store"):
        return _keep(resources, made, order, _warnings(resources, scene))


def read_input(resources: Resources, order: Order, field: str, reserve: Reserve) -> File:
    """The input that a parameter names; one that is cached and decoded stays unread.

    Raises `FetchError`, `PictureExpired`, and what `reserve` raises.
    """
    reference = inputs.pictures(order.params)[field]
    if inputs.is_url(reference):
        return resources.fetcher.get(
            reference,
            field=field,
            owner=order.key_id,
            made_at=order.made_at,
            reserve=reserve,
            is_decoded=resources.cache.holds if resources.cache else None,
        )
    if reference.startswith(inputs.STORE):
        return File(_stored(resources, field, reference.removeprefix(inputs.STORE), reserve))
    data = inputs.sample_bytes(reference.removeprefix(inputs.SAMPLE))
    if data is None:
        raise FileNotFoundError(reference)
    return File(data)


def _stored(resources: Resources, field: str, path: str, reserve: Reserve) -> bytes:
    try:
        return resources.store.get(path, reserve)
    except FileNotFoundError:
        if path.startswith("inputs/"):  # which outlive their request
            raise
        raise PictureExpired(field) from None


def _warnings(resources: Resources, scene: Scene) -> list[str]:
    removes = any(layer.removal for layer in scene.layers)
    return [NO_REMOVER] if removes and resources.remove is None else []


def _keep(resources: Resources, made: Rendered, order: Order, warnings: list[str]) -> Output:
    resources.store.put(order.path, made.data, made.content_type)
    return Output(
        order.token,
        order.path,
        made.content_type,
        len(made.data),
        made.width,
        made.height,
        list(made.animated),
        warnings,
    )


@contextmanager
def _timed(stages: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    stages[stage] = round(time.perf_counter() - start, 4)
