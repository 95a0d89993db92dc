"""Clients with keys of their own; `stack` is the service of each file, by default the shared one."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from tests.stack import ON_LOOPBACK, Stack
from tests.webhooks.receiver import Receiver, receiving


class Client(httpx.Client):
    """A client with its own key."""

    def submit(self, **params: Any) -> str:
        """Submit a request that is accepted; returns its id."""
        answer = self.post("/v2/superimpose", json=params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    def end(self, request_id: str) -> httpx.Response:
        """Wait until the request has ended."""
        return self.get(f"/v2/requests/{request_id}", params={"wait": 30})


@pytest.fixture(scope="module")
def stack(service: Stack) -> Stack:
    return service


@pytest.fixture
def client_class() -> type[Client]:
    return Client


@pytest.fixture
def client_of(stack: Stack, client_class: type[Client]) -> Iterator[Callable[..., Client]]:
    """Creates clients, each with a new key with the given options."""
    clients = []

    def client_of(**options: Any) -> Client:
        with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
            key = ApiKeys(redis).create("own", KeyOptions(**options))[1]
        clients.append(
            client_class(base_url=stack.url, headers={"x-api-key": key}, timeout=60, **ON_LOOPBACK)
        )
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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """Returns the error text."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["error"])
