"""The OpenAPI document: FastAPI's, completed with the bodies that routes read themselves."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel
from pydantic_core import to_json

from api.admission import ServiceDep
from api.batches.body import NDJSON
from api.batches.schemas import BATCH_BODIES, EXAMPLE, EXAMPLE_LINES
from api.http.route_classes import PlainRoute
from api.schemas import ORIGIN, Credit, NewKey, Rotation, UploadRequest
from api.service import origin_of
from api.submit_body import BODIES as SUBMIT_BODIES
from api.webhook_schemas import SecretRotation
from compositor.models import DEFAULT_MODEL

MEDIA_TYPE = "application/json"

router = APIRouter(route_class=PlainRoute, include_in_schema=False)

EXAMPLES: dict[str, dict[str, Any]] = {
    DEFAULT_MODEL: {
        "logo": {
            "summary": "A logo on a cup, from the pictures that come with the service",
            "value": {
                "base_image": f"{ORIGIN}/samples/cup.jpg",
                "overlay_image": f"{ORIGIN}/samples/logo.png",
                "rescale_factor": 0.33,
                "x_offset": 430,
                "y_offset": 235,
            },
        },
        "watermark": {
            "summary": "A faint, turned watermark, answered as PNG",
            "value": {
                "base_image": "https://example.com/catalogue/1.jpg",
                "overlay_image": "https://example.com/mark.png",
                "overlay_resize": "Fit",
                "resize_method": "area",
                "rotation": 30,
                "opacity": 0.25,
                "image_format": "png",
            },
        },
        "scene": {
            "summary": "A tinted cup with two logos",
            "value": {
                "base_image": f"{ORIGIN}/samples/cup.jpg",
                "overlays": [
                    {"color": "#ffd7b5", "blend_mode": "multiply"},
                    {"overlay_image": f"{ORIGIN}/samples/logo.png", "region": [0.4, 0.35, 0.3, 0.3]},
                    {"overlay_image": f"{ORIGIN}/samples/logo.png", "scale_to": 0.1, "gravity": "southeast"},
                ],
            },
        },
    },
    "superimpose-v2": {
        "screen": {
            "summary": "A logo screened onto a cup, by its centre",
            "value": {
                "base_image": f"{ORIGIN}/samples/cup.jpg",
                "overlay_image": f"{ORIGIN}/samples/logo.png",
                "rescale_factor": 0.33,
                "blend_mode": "screen",
                "opacity": 90,
                "x_percent": 50,
                "y_percent": 65,
            },
        },
    },
}
"""Example bodies by model."""

BODIES: tuple[type[BaseModel], ...] = (
    *SUBMIT_BODIES.values(),
    *BATCH_BODIES.values(),
    UploadRequest,
    NewKey,
    Rotation,
    Credit,
    SecretRotation,
)


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def show_document(request: Request, _: ServiceDep) -> Response:
    document = to_json(request.app.openapi()).replace(ORIGIN.encode(), origin_of(request).encode())
    return Response(document, media_type=MEDIA_TYPE)


def describe_body(model: type[BaseModel], **more: Any) -> dict[str, Any]:
    """`openapi_extra` of a route whose body is JSON of one of the `BODIES`.

    FastAPI would read a declared body before it checks the caller's key.
    """
    return _request_body({MEDIA_TYPE: {"schema": _reference(model), **more}})


def describe_batch(model: str) -> dict[str, Any]:
    """`openapi_extra` of a route whose body is a batch, as JSON or NDJSON."""
    lines = {"schema": {"type": "string"}, "example": EXAMPLE_LINES}
    document = {"schema": _reference(BATCH_BODIES[model]), "examples": {"logo": EXAMPLE}}
    return _request_body({MEDIA_TYPE: document, NDJSON: lines})


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _request_body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def install(app: FastAPI) -> None:
    generate = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _drop_validation_errors(document["paths"])
            schemas = document["components"]["schemas"]
            del schemas["HTTPValidationError"], schemas["ValidationError"]
            for model in BODIES:
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
        return generate()

    app.openapi = complete  # type: ignore[method-assign]


def _drop_validation_errors(paths: dict[str, Any]) -> None:
    """FastAPI documents a 422 for each route; ours send 400 for invalid parameters."""
    for operations in paths.values():
        for operation in operations.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]
