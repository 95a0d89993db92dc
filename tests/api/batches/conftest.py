"""Clients that send batches."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from tests.stack import ON_LOOPBACK, Stack

NDJSON = "application/x-ndjson"


def lines(*values: Any) -> bytes:
    """Values as NDJSON."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


class Client(httpx.Client):
    """A client with its own key."""

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
def client_of(stack: Stack) -> Iterator[Callable[..., Client]]:
    """Creates clients, each with a new key with the given options."""
    clients = []

    def client_of(**options: Any) -> Client:
        with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
            key = ApiKeys(redis).create("batches", KeyOptions(**options))[1]
        clients.append(Client(base_url=stack.url, headers={"x-api-key": key}, timeout=60, **ON_LOOPBACK))
        return clients[-1]

    yield client_of
    for client in clients:
        client.close()


@pytest.fixture
def client(client_of: Callable[..., Client]) -> Client:
    return client_of()


@pytest.fixture
def samples(stack: Stack) -> dict[str, str]:
    return {"base_image": f"{stack.url}/samples/cup.jpg", "overlay_image": f"{stack.url}/samples/logo.png"}


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """Returns the error text."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["error"])
