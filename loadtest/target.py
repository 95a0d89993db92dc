"""The service before the load: whether it is there, takes the key and can read the pictures."""

import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from loadtest.mix import Request

MAX_FILES = 20  # of one upload
PATIENCE_S = 30
LOOK_AGAIN_S = 0.1


class Unusable(Exception):
    """There can be no load test; the text says why in one line."""


class Target:
    """The service at one address. No redirect is followed and no URL of an answer is called."""

    def __init__(self, host: str, key: str) -> None:
        self.host = host
        self._client = httpx.Client(
            base_url=host, headers={"x-api-key": key}, trust_env=False, timeout=PATIENCE_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def upload(self, files: Mapping[str, bytes]) -> list[str]:
        """Have the service keep files, in order; returns the URLs that requests can name."""
        names, urls = list(files), list[str]()
        for start in range(0, len(names), MAX_FILES):
            form = [("file", (name, files[name])) for name in names[start : start + MAX_FILES]]
            urls += self._ask("file_urls", "POST", "/upload-asset", files=form)
        return urls

    def try_out(self, request: Request) -> None:
        """Have it make one picture. Raises `Unusable`."""
        path = f"/v2/{request.model}"
        request_id = quote(str(self._ask("request_id", "POST", path, json=request.body)), safe="")
        deadline = time.monotonic() + PATIENCE_S
        while self._ask("status", "GET", f"/v2/requests/{request_id}/status") != "COMPLETED":
            if time.monotonic() > deadline:
                raise Unusable(f"{self.host} made no picture in {PATIENCE_S} s: does a worker run?")
            time.sleep(LOOK_AGAIN_S)

    def _ask(self, wanted: str, method: str, path: str, **options: Any) -> Any:
        """The field `wanted` of an answer that must be 200."""
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unusable(f"no answer from {self.host}: {one_line(error) or type(error).__name__}") from None
        if answer.status_code != 200:
            raise Unusable(f"{method} {self.host}{path} was answered {_refusal(answer)}")
        try:
            return answer.json()[wanted]
        except (ValueError, KeyError, TypeError):
            raise Unusable(f"{method} {self.host}{path} was not answered as the service does") from None


def _refusal(answer: httpx.Response) -> str:
    if answer.is_redirect:
        return f"{answer.status_code} to {one_line(answer.headers['location'])}: give the address itself"
    try:
        body = answer.json()
        return f"{answer.status_code} {one_line(body['code'])}: {one_line(body['error'])}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}: is that the service?"


def one_line(text: object) -> str:
    """The start of a text of unknown length."""
    return " ".join(str(text).split())[:300]
