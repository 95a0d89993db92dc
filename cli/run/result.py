"""What `run --json` prints of a picture."""

from pathlib import Path

from cli.client.api import JsonObject


def as_json(result: JsonObject, out: Path) -> JsonObject:
    image = result["images"][0]
    return {
        "status": result["status"],
        "request_id": result["request_id"],
        "output": str(out),
        "content_type": image["content_type"],
        "width": image["width"],
        "height": image["height"],
        "file_size": image["file_size"],
        "metrics": result["metrics"],
    }
