"""JSON by pydantic's serializer, which is in Rust; Starlette's makes an encoder for each answer."""

from typing import Any

from pydantic_core import to_json
from starlette.responses import JSONResponse


class JsonResponse(JSONResponse):
    def render(self, content: Any) -> bytes:
        return to_json(content)
