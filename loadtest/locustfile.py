"""A client: submits, polls until the end, fetches the picture, thinks, and repeats.

`make loadtest` runs this for several numbers of clients. To use Locust's own page:

    KEY=... locust -f loadtest/locustfile.py --host http://127.0.0.1:8000

Times are measured by the client, except queue wait, compute and in the service, which the service reports.
"""

import json
import random
import sys
from pathlib import Path
from time import perf_counter, sleep  # patched by Locust to yield to other clients
from typing import Any
from urllib.parse import quote

from locust import FastHttpUser, events, task
from locust.exception import CatchResponseError

from loadtest import mix, samples
from loadtest.pictures import Urls, place_pictures
from loadtest.target import Target, Unusable

FIRST_POLL_S, POLL_FACTOR, LONGEST_POLL_S = 0.1, 1.5, 1
"""The vendor's client polls once a second; the service is usually faster, so the first polls are earlier."""
TIMEOUT_S = 60
ERROR_PAUSE_S = 1
MAX_RETRY_AFTER_S = 3600


class Refused(Exception):
    """A response other than 200."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s


class Client(FastHttpUser):
    """Calls only the given host: does not follow redirects, and builds URLs from ids."""

    insecure = False  # check certificates, as the key is sent
    network_timeout = connection_timeout = TIMEOUT_S
    pictures: Urls
    pause_s = 0.0

    def on_start(self) -> None:
        # not earlier, as the key may come from Locust's page
        self.headers = {"x-api-key": self.environment.parsed_options.key}

    def wait_time(self) -> float:
        """Seconds of think time, or the Retry-After of the service."""
        return max(random.choice(mix.THINK_S), self.pause_s)

    @task
    def superimpose(self) -> None:
        start = perf_counter()
        try:
            request_id = self._submit()
            self._await_end(request_id, start)
            metrics = self._fetch(request_id)
            times_s = {part: metrics[name] for name, part in samples.REPORTED.items()}
        except Refused as refused:
            self.pause_s = refused.retry_after_s
        except (ValueError, KeyError, TypeError):
            self._report(samples.END_TO_END, perf_counter() - start, "not_understood")
            self.pause_s = ERROR_PAUSE_S
        else:
            for part, seconds in {samples.END_TO_END: perf_counter() - start, **times_s}.items():
                self._report(part, seconds)
            self.pause_s = 0.0

    def _submit(self) -> str:
        model, body = mix.request(self.pictures)
        response = self._call(samples.SUBMIT, "POST", f"/v2/{model}", json=body)
        return quote(response.json()["request_id"], safe="")

    def _await_end(self, request_id: str, start: float) -> None:
        pause_s = FIRST_POLL_S
        while perf_counter() - start < TIMEOUT_S:
            sleep(pause_s)
            response = self._call(samples.POLL, "GET", f"/v2/requests/{request_id}/status")
            if response.json()["status"] == "COMPLETED":
                return
            pause_s = min(POLL_FACTOR * pause_s, LONGEST_POLL_S)
        self._report(samples.END_TO_END, perf_counter() - start, "not_finished")
        raise Refused(ERROR_PAUSE_S)

    def _fetch(self, request_id: str) -> dict[str, float]:
        """Fetch result and picture; returns the metrics of the result."""
        result = self._call(samples.RESULT, "GET", f"/v2/requests/{request_id}").json()
        name = quote(result["images"][0]["file_name"], safe="")
        self._call(samples.PICTURE, "GET", f"/pictures/{name}")
        metrics: dict[str, float] = result["metrics"]
        return metrics

    def _call(self, name: str, method: str, path: str, **options: Any) -> Any:
        with self.client.request(
            method,
            path,
            name=name,
            headers=self.headers,
            allow_redirects=False,
            catch_response=True,
            **options,
        ) as response:
            if code := _code(response):
                response.failure(code)
                raise Refused(_retry_after_s(response))
            return response

    def _report(self, name: str, seconds: float, code: str | None = None) -> None:
        self.environment.events.request.fire(
            request_type="request",
            name=name,
            response_time=1000 * seconds,
            response_length=0,
            exception=CatchResponseError(code) if code else None,
            context={},
        )


def _code(response: Any) -> str | None:
    """The error code of a response, else its status or the exception; None for 200."""
    if response.status_code in (0, 200):
        error = response.request_meta["exception"]
        return type(error).__name__ if error else None
    try:
        return str(json.loads(response.content)["code"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"


def _retry_after_s(response: Any) -> float:
    text = (response.headers or {}).get("retry-after") or ""
    return min(int(text), MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() else ERROR_PAUSE_S


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    add = parser.add_argument
    add("--key", env_var="KEY", default="", is_secret=True, help="API key of the service")
    for role in Urls._fields:
        add(f"--{role}", default="", help=f"URLs of {role}, comma-separated [upload the test pictures]")
    add("--samples", default="", include_in_web_ui=False, help="file to write every measurement to")


@events.init.add_listener
def set_up(environment: Any, **_: Any) -> None:
    """Upload the pictures unless their URLs are given. Exits with one line if the service refuses them."""
    options = environment.parsed_options
    if options.samples:
        record_samples(environment.events, Path(options.samples))
    if not options.host:
        sys.exit("loadtest: give the service as --host http://name:port")
    environment.host = options.host.rstrip("/")
    given = [getattr(options, role) for role in Urls._fields]
    if all(given):
        Client.pictures = Urls(*(urls.split(",") for urls in given))
        return
    try:
        with Target(environment.host, options.key) as target:
            Client.pictures = place_pictures(target.upload)
    except Unusable as error:
        sys.exit(f"loadtest: {error}")


def record_samples(happens: Any, path: Path) -> None:
    """Write a sample of each call and each part of a request to a file at the end."""
    recorded, start = list[samples.Sample](), perf_counter()

    @happens.request.add_listener
    def record(name: str, response_time: float, exception: Exception | None, **_: Any) -> None:
        code = None if exception is None else str(exception)
        recorded.append(samples.Sample(name, perf_counter() - start, response_time, code))

    @happens.test_start.add_listener
    def start_the_clock(**_: Any) -> None:
        nonlocal start
        start = perf_counter()

    @happens.quitting.add_listener
    def write(**_: Any) -> None:
        path.write_text(json.dumps(recorded))
