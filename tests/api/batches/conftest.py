"""Clients that send batches."""

import json
from typing import Any

import httpx
import pytest

NDJSON = "application/x-ndjson"


def lines(*values: Any) -> bytes:
    """Values as NDJSON."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


class Client(httpx.Client):
    def submit(self, body: Any, model: str = "superimpose", **headers: str) -> httpx.Response:
        """Submit a batch: bytes as NDJSON, anything else as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v2/{model}/batch"
        if isinstance(body, bytes):
            return self.post(path, content=body, headers={"content-type": NDJSON, **sent})
        return self.post(path, json=body, headers=sent)

    def accepted(self, body: Any, **more: str) -> dict[str, Any]:
        """Submit a batch that is accepted; returns the response body."""
        answer = self.submit(body, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def end(self, batch_id: str) -> dict[str, Any]:
        """Wait until the batch has ended."""
        answer = self.get(f"/v2/batches/{batch_id}", params={"wait": 60}, timeout=70)
        assert answer.json().get("status") == "COMPLETED", answer.text
        return dict(answer.json())

    def results(self, batch_id: str) -> list[dict[str, Any]]:
        answer = self.get(f"/v2/batches/{batch_id}/results")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == NDJSON
        return [json.loads(line) for line in answer.text.splitlines()]

    def requests(self, batch_id: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(f"/v2/batches/{batch_id}/requests", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["requests"])


@pytest.fixture
def client_class() -> type[Client]:
    return Client
