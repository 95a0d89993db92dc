"""Models of request and response bodies about batches, for the OpenAPI document only."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, create_model

from api.batches.body import BatchHead
from api.schemas import ID, ORIGIN, Listed
from api.submit_body import BODIES
from jobs.batches.limits import MAX_REQUESTS

BATCH = f"{ORIGIN}/v2/batches/{ID}"
ZIP = f"{ORIGIN}/archives/0Vn7rGQ9xq1yqLw2m3T4u5v6w7x8y9z0.zip"

BATCH_BODIES: Mapping[str, type[BaseModel]] = {
    name: create_model(
        f"{body.__name__}Batch",
        __base__=BatchHead,
        __doc__="Requests that are accepted together.",
        requests=(list[body], Field(min_length=1, max_length=MAX_REQUESTS)),  # type: ignore[valid-type]
    )
    for name, body in BODIES.items()
}
"""Body models by the name of the model."""


class RequestCounts(BaseModel):
    """Requests of a batch by status."""

    total: int = Field(examples=[5000])
    queued: int = Field(examples=[4200])
    processing: int = Field(examples=[8])
    completed: int = Field(examples=[790])
    failed: int = Field(examples=[2])


class Batch(BaseModel):
    """A batch, and where to follow it."""

    batch_id: str = Field(examples=[ID])
    status: str = Field(
        description="QUEUED until the first request starts, PROCESSING until all have ended, then COMPLETED",
        examples=["PROCESSING"],
    )
    cancelled: bool = Field(False, description="absent unless true")
    request_counts: RequestCounts
    status_url: str = Field(examples=[BATCH])
    requests_url: str = Field(examples=[f"{BATCH}/requests"])
    results_url: str = Field(examples=[f"{BATCH}/results"])
    cancel_url: str = Field(examples=[f"{BATCH}/cancel"])
    zip_url: str = Field(description="all pictures in one file; needs no key", examples=[ZIP])
    created_at: str = Field(examples=["2026-11-30T18:30:00.000+00:00"])
    finished_at: str | None = Field(description="null: not yet", examples=["2026-11-30T18:34:10.000+00:00"])
    expires_at: str | None = Field(description="null: not yet", examples=["2026-11-30T19:34:10.000+00:00"])


class BatchList(BaseModel):
    """Batches of the key, newest first."""

    batches: list[Batch]
    next: str | None = Field(
        description="`before` of the next page; null: this is the last page",
        examples=["1796000000123456"],
    )


class Expired(BaseModel):
    """A request of a batch whose record has expired or was deleted."""

    request_id: str = Field(examples=[ID])
    custom_id: str | None = Field(None, examples=["sku-4711/front"])
    error: str = Field(examples=["it has expired, or was deleted: submit it again"])
    code: str = Field(examples=["expired"])


class BatchRequests(BaseModel):
    """A page of the requests of a batch, in their order."""

    requests: list[Listed | Expired]
    total: int = Field(description="number of requests in the batch", examples=[5000])


RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line for each request that has ended: its result, or why there is none",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"status":"COMPLETED","request_id":"...","custom_id":"sku-1","output":"..."}\n'
                '{"status":"FAILED","request_id":"...","custom_id":"sku-2","code":"fetch_failed"}\n',
            }
        },
    }
}

ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A ZIP file", "content": {"application/zip": {}}}
}

EXAMPLE: dict[str, Any] = {
    "summary": "Two cups with one logo",
    "value": {
        "defaults": {"overlay_image": f"{ORIGIN}/samples/logo.png", "rescale_factor": 0.33},
        "requests": [
            {
                "custom_id": "sku-1",
                "base_image": f"{ORIGIN}/samples/cup.jpg",
                "x_offset": 430,
                "y_offset": 235,
            },
            {"custom_id": "sku-2", "base_image": f"{ORIGIN}/samples/cup.jpg", "opacity": 0.5},
        ],
    },
}

EXAMPLE_LINES = """{"defaults": {"overlay_image": "https://example.com/logo.png", "rescale_factor": 0.33}}
{"custom_id": "sku-1", "base_image": "https://example.com/catalogue/1.jpg"}
{"custom_id": "sku-2", "base_image": "https://example.com/catalogue/2.jpg", "opacity": 0.5}
"""
