"""Checks before the load that the service answers, accepts the key and can read the pictures."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from loadtest.mix import Params

MAX_FILES = 20  # of one upload
TIMEOUT_S = 30
POLL_S = 0.1


class Unusable(Exception):
    """The load test cannot run; the text is one line that says why."""


class Target(httpx.Client):
    """The service at one address. Does not follow redirects or URLs in responses."""

    def __init__(self, host: str, key: str) -> None:
        super().__init__(base_url=host, headers={"x-api-key": key}, trust_env=False, timeout=TIMEOUT_S)
        self.host = host

    def upload(self, files: Mapping[str, bytes]) -> list[str]:
        """Upload files; returns their URLs in the same order."""
        names, urls = list(files), list[str]()
        for start in range(0, len(names), MAX_FILES):
            form = [("file", (name, files[name])) for name in names[start : start + MAX_FILES]]
            urls += self._call("file_urls", "POST", "/upload-asset", files=form)
        return urls

    def check(self, model: str, body: Params) -> None:
        """Have the service render one picture. Raises `Unusable`."""
        request_id = quote(str(self._call("request_id", "POST", f"/v2/{model}", json=body)), safe="")
        deadline = time.monotonic() + TIMEOUT_S
        while self._call("status", "GET", f"/v2/requests/{request_id}/status") != "COMPLETED":
            if time.monotonic() > deadline:
                raise Unusable(f"{self.host} made no picture in {TIMEOUT_S} s: does a worker run?")
            time.sleep(POLL_S)

    def _call(self, field: str, method: str, path: str, **options: Any) -> Any:
        """A field of the response, which must be 200."""
        try:
            response = self.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unusable(f"no answer from {self.host}: {one_line(error) or type(error).__name__}") from None
        if response.status_code != 200:
            raise Unusable(f"{method} {self.host}{path} was answered {_refusal(response)}")
        try:
            return response.json()[field]
        except (ValueError, KeyError, TypeError):
            raise Unusable(f"{method} {self.host}{path} was not answered as the service does") from None


def _refusal(response: httpx.Response) -> str:
    if response.is_redirect:
        return f"{response.status_code} to {one_line(response.headers['location'])}: give the address itself"
    try:
        body = response.json()
        return f"{response.status_code} {one_line(body['code'])}: {one_line(body['error'])}"
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code}: is that the service?"


def one_line(text: object) -> str:
    """A text as one line of at most 300 characters."""
    return " ".join(str(text).split())[:300]
