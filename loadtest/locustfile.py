"""What a client does: submit, poll until the end, fetch the picture, think; and again.

`make loadtest` runs this for several numbers of clients. By hand, in the clone, with Locust's own page:

    KEY=... locust -f loadtest/locustfile.py --host http://127.0.0.1:8000

Times are of the client, but for queue wait, compute and in the service, which the service reports.
"""

import json
import random
import sys
from pathlib import Path
from time import perf_counter, sleep  # Locust has made it let other clients run
from typing import Any
from urllib.parse import quote

from locust import FastHttpUser, events, task
from locust.exception import CatchResponseError

from loadtest import mix, samples
from loadtest.pictures import Urls, placed
from loadtest.target import Target, Unusable

FIRST_POLL_S, POLL_FACTOR, LONGEST_POLL_S = 0.1, 1.5, 1
"""The vendor's client looks once a second; with a service this quick it pays to look sooner, at first."""
PATIENCE_S = 60
AFTER_ERROR_S = 1
MOST_RETRY_AFTER_S = 3600


class Refused(Exception):
    """A call was not answered 200; `retry_after_s` is when to try again."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s


class Client(FastHttpUser):
    """One client. It calls the given host alone: no redirect is followed, and URLs are built from ids."""

    insecure = False  # a certificate is checked, for the key is sent
    network_timeout = connection_timeout = PATIENCE_S
    pictures: Urls
    pause_s = 0.0

    def on_start(self) -> None:
        # here, as the key may have been given on Locust's page
        self.headers = {"x-api-key": self.environment.parsed_options.key}

    def wait_time(self) -> float:
        """Seconds of thought, or as long as the service asks for."""
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
            self.pause_s = AFTER_ERROR_S
        else:
            for part, seconds in {samples.END_TO_END: perf_counter() - start, **times_s}.items():
                self._report(part, seconds)
            self.pause_s = 0.0

    def _submit(self) -> str:
        model, body = mix.request(self.pictures)
        answer = self._ask(samples.SUBMIT, "POST", f"/v2/{model}", json=body)
        return quote(answer.json()["request_id"], safe="")

    def _await_end(self, request_id: str, start: float) -> None:
        pause_s = FIRST_POLL_S
        while perf_counter() - start < PATIENCE_S:
            sleep(pause_s)
            answer = self._ask(samples.POLL, "GET", f"/v2/requests/{request_id}/status")
            if answer.json()["status"] == "COMPLETED":
                return
            pause_s = min(POLL_FACTOR * pause_s, LONGEST_POLL_S)
        self._report(samples.END_TO_END, perf_counter() - start, "not_finished")
        raise Refused(AFTER_ERROR_S)

    def _fetch(self, request_id: str) -> dict[str, float]:
        """Result, then picture; returns what the service measured."""
        result = self._ask(samples.RESULT, "GET", f"/v2/requests/{request_id}").json()
        name = quote(result["images"][0]["file_name"], safe="")
        self._ask(samples.PICTURE, "GET", f"/pictures/{name}")
        metrics: dict[str, float] = result["metrics"]
        return metrics

    def _ask(self, name: str, method: str, path: str, **options: Any) -> Any:
        with self.client.request(
            method,
            path,
            name=name,
            headers=self.headers,
            allow_redirects=False,
            catch_response=True,
            **options,
        ) as answer:
            if code := _code(answer):
                answer.failure(code)
                raise Refused(_retry_after_s(answer))
            return answer

    def _report(self, name: str, seconds: float, code: str | None = None) -> None:
        self.environment.events.request.fire(
            request_type="request",
            name=name,
            response_time=1000 * seconds,
            response_length=0,
            exception=CatchResponseError(code) if code else None,
            context={},
        )


def _code(answer: Any) -> str | None:
    """The code of an error, or what there is instead; None for 200."""
    if answer.status_code in (0, 200):
        broken = answer.request_meta["exception"]
        return type(broken).__name__ if broken else None
    try:
        return str(json.loads(answer.content)["code"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def _retry_after_s(answer: Any) -> float:
    text = (answer.headers or {}).get("retry-after") or ""
    return min(int(text), MOST_RETRY_AFTER_S) if text.isascii() and text.isdigit() else AFTER_ERROR_S


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    add = parser.add_argument
    add("--key", env_var="KEY", default="", is_secret=True, help="API key of the service")
    for role in Urls._fields:
        add(f"--{role}", default="", help=f"URLs of {role}, commas between [test pictures are uploaded]")
    add("--samples", default="", include_in_web_ui=False, help="file to write every measurement to")


@events.init.add_listener
def begin(environment: Any, **_: Any) -> None:
    """Exits with one line if the service does not take the pictures."""
    options = environment.parsed_options
    if options.samples:
        recorder = samples.Recorder(Path(options.samples))
        for name in ("test_start", "request", "quitting"):
            getattr(environment.events, name).add_listener(getattr(recorder, name))
    if not options.host:
        sys.exit("loadtest: give the service as --host http://name:port")
    environment.host = options.host.rstrip("/")
    given = [getattr(options, role) for role in Urls._fields]
    if all(given):
        Client.pictures = Urls(*(urls.split(",") for urls in given))
        return
    try:
        with Target(environment.host, options.key) as target:
            Client.pictures = placed(target.upload)
    except Unusable as error:
        sys.exit(f"loadtest: {error}")
