"""The OpenAPI document: FastAPI's, with what routes that read raw requests cannot tell it."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from api.schemas import Credit, NewKey, Rotation, UploadRequest
from compositor import SuperimposeRequest

KEY: dict[str, Any] = {"security": [{"x-api-key": []}, {"bearer": []}]}
"""`openapi_extra` of a route that needs a key."""

OPTIONAL_KEY: dict[str, Any] = {"security": [{}, *KEY["security"]]}
"""`openapi_extra` of a route that needs none, but looks at one."""

REQUEST_ID: dict[str, Any] = {
    "name": "request_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}


def parameters(*each: dict[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route with these parameters."""
    return {"parameters": list(each)}


EXAMPLES = {
    "logo": {
        "summary": "A logo on a cup, from the pictures that come with the service",
        "value": {
            "base_image": "http://127.0.0.1:8000/samples/cup.jpg",
            "overlay_image": "http://127.0.0.1:8000/samples/logo.png",
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
}

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/SuperimposeRequest"},
                "examples": EXAMPLES,
            }
        },
    }
}


KEY_ID: dict[str, Any] = {
    "parameters": [{"name": "key_id", "in": "path", "required": True, "schema": {"type": "string"}}]
}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route whose body is JSON of this model."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}}


FILES: dict[str, Any] = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    "required": ["file"],
}

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/UploadRequest"}},
            "multipart/form-data": {"schema": FILES},
        },
    }
}


BODIES = (SuperimposeRequest, UploadRequest, NewKey, Rotation, Credit)
"""Models of the bodies that routes read themselves."""


def install(app: FastAPI) -> None:
    """Complete the document that `app` serves at /openapi.json."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            components = plain().setdefault("components", {})
            for model in BODIES:
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                components["schemas"] |= schema.pop("$defs", {}) | {model.__name__: schema}
            components["securitySchemes"] = {
                "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            }
        return plain()

    app.openapi = complete  # type: ignore[method-assign]
