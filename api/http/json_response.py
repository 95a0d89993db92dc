"""JSON by pydantic's serializer, in Rust; Starlette's creates an encoder for each response."""

from typing import Any

from pydantic_core import to_json
from starlette.responses import JSONResponse


class JsonResponse(JSONResponse):
    def render(self, content: Any) -> bytes:
        return to_json(content)
