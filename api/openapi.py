"""The OpenAPI document: FastAPI's, completed with the parameters and bodies that routes read themselves."""

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from api.schemas import ORIGIN
from api.service import origin_of
from compositor.models import DEFAULT_MODEL

JSON = "application/json"
REFERENCE = "#/components/schemas/{model}"

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


BODY_MODELS: list[type[BaseModel]] = []
"""The models of described bodies."""


def described(annotation: Any, default: Any = PydanticUndefined) -> Any:
    """A dependency for the document only: a parameter that a `PlainRoute` reads itself."""

    async def describe(value: annotation = default) -> None: ...

    return Depends(describe)


def query(model: type[BaseModel]) -> Any:
    return described(Annotated[model, Query()])


def describe_body(
    model: type[BaseModel], other_types: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """`openapi_extra` of a route whose body is JSON of this model, or of one of `other_types`.

    FastAPI would read a declared body before it checks the caller's key.
    """
    BODY_MODELS.append(model)
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    content = {JSON: {"schema": schema, **more}, **(other_types or {})}
    return {"requestBody": {"required": True, "content": content}}


def complete(document: dict[str, Any]) -> None:
    """Add the described bodies, and drop the 422 of each route: ours send 400 for invalid parameters."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    schemas = document["components"]["schemas"]
    del schemas["HTTPValidationError"], schemas["ValidationError"]
    for model in BODY_MODELS:
        schema = model.model_json_schema(ref_template=REFERENCE)
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}


async def show_document(request: Request) -> Response:
    text = to_json(request.app.openapi()).replace(ORIGIN.encode(), origin_of(request).encode())
    return Response(text, media_type=JSON)


router = Router([Route("/openapi.json", show_document)])
