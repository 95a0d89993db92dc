"""Logs as JSON: what each line says, from the call to the worker's child."""

import json
import logging
import os
import pty
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from redis import Redis
from structlog.contextvars import bound_contextvars

from api.app import create_app, with_headers
from api.http.observability import ObservedCalls, log_call
from cli.serve.supervisor import json_line
from jobs import keyspace
from telemetry.logs import formatter
from tests.stack import KEY, empty_database, environment, running

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def one_behind_the_other(url, path):
    """Call with a key and, before that is answered, on the same connection without one."""
    host, _, port = url.removeprefix("http://").partition(":")
    call = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{call}x-api-key: {KEY}\r\n\r\n{call}Connection: close\r\n\r\n".encode())
        while connection.recv(65536):
            pass


@pytest.fixture(scope="module")
def logged(redis_socket, tmp_path_factory):
    """Request ids by how they ended, and every line that the API, the worker and its child have logged."""
    folder = tmp_path_factory.mktemp("logs")
    url = empty_database(redis_socket, 6)
    env = environment(url, folder, log_format="json", access_log=True, fetch_allow="127.0.0.1/32")
    with (folder / "log").open("wb") as log, running(env, log=log) as stack:
        samples = dict.fromkeys(("base_image", "overlay_image"), f"{stack.url}/samples/cup.jpg")
        traced = {"headers": {"traceparent": TRACEPARENT}}
        done = stack.client.post("/v2/superimpose?CANARYQUERY", json=samples, **traced).json()["request_id"]
        stack.finish(done)
        failed = stack.submit(**samples | {"mask": "http://10.0.0.1/a.png?CANARYQUERY"})
        stack.finish(failed)
        stack.client.get("/nowhere/CANARYPATH")
        one_behind_the_other(stack.url, "/v1/get-user-credits")
        with Redis.from_url(url) as redis:
            redis.hset(keyspace.request(done), "params", "{CANARYDATA")
        assert stack.client.get(f"/v2/requests/{done}").status_code == 500
    lines = (folder / "log").read_text().splitlines()
    return {"done": done, "failed": failed}, [json.loads(line) for line in lines]


def one(logged, **wanted):
    """The one line with these values."""
    found = [line for line in logged[1] if wanted.items() <= line.items()]
    assert len(found) == 1, found
    return found[0]


def test_every_line_has_a_time_a_level_and_a_logger(logged):
    for line in logged[1]:
        assert list(line)[:4] == ["timestamp", "level", "logger", "event"]
        assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


def test_request_key_and_trace_are_in_the_lines_of_api_and_worker(logged):
    request_id = logged[0]["done"]
    accepted = one(logged, logger="superimpose.api", level="info", request_id=request_id)
    ended = one(logged, logger="superimpose.worker", request_id=request_id)

    assert accepted["key_id"] == ended["key_id"] != ""
    assert accepted["trace_id"] == ended["trace_id"] == TRACE
    assert ended["attempt"] == 1


def test_a_finished_request_has_one_line_with_its_status(logged):
    done = one(logged, logger="superimpose.worker", request_id=logged[0]["done"], status="COMPLETED")
    failed = one(logged, request_id=logged[0]["failed"], status="FAILED")

    assert (done["level"], failed["level"]) == ("info", "error")
    assert "code" not in done
    assert failed["code"] == "fetch_failed"
    assert failed["key_id"]
    assert done["total_ms"] > 0 < failed["total_ms"]


def test_the_childs_lines_name_the_request(logged):
    fetched = one(logged, logger="superimpose.fetch")
    assert fetched["request_id"] == logged[0]["failed"]
    assert fetched["key_id"]


def test_a_request_without_a_trace_has_no_trace_id(logged):
    lines = [line for line in logged[1] if line.get("request_id") == logged[0]["failed"]]
    assert len(lines) > 2
    assert not any("trace_id" in line for line in lines)


def test_an_internal_error_is_logged_once_with_its_traceback_and_no_locals(logged):
    (fault,) = [line for line in logged[1] if "exception" in line]
    [raised] = fault["exception"]

    assert fault["request_id"] == logged[0]["done"]
    assert raised["exc_type"] == "JSONDecodeError"
    assert all(set(frame) <= {"filename", "lineno", "name", "locals"} for frame in raised["frames"])
    assert not any(frame.get("locals") for frame in raised["frames"])


def test_calls_are_logged_by_their_route(logged):
    call = one(logged, logger="superimpose.access", request_id=logged[0]["done"], method="POST")
    assert (call["route"], call["http_status"]) == ("/v2/superimpose", 200)
    assert one(logged, logger="superimpose.access", http_status=500)["route"] == "/v2/requests/{request_id}"
    assert one(logged, logger="superimpose.access", http_status=404)["route"] is None


def test_a_call_does_not_inherit_the_key_of_the_previous_one_on_its_connection(logged):
    assert "key_id" in one(logged, logger="superimpose.access", route="/v1/get-user-credits", http_status=200)
    assert "key_id" not in one(logged, logger="superimpose.access", http_status=401)


def test_no_line_contains_what_clients_sent(logged):
    assert "CANARY" not in str(logged[1])


@pytest.mark.parametrize("wanted", [True, False])
def test_calls_are_logged_only_if_the_setting_is_on(settings, wanted):
    chosen = settings.model_copy(update={"access_log": wanted})
    outermost = with_headers(create_app(chosen), chosen)
    assert (isinstance(outermost, ObservedCalls) and log_call in outermost.observers) == wanted


def line_of(message, *args, **more):
    """What is written of one record."""
    record = logging.LogRecord("superimpose.x", logging.INFO, "", 0, message, args, None)
    record.__dict__.update(more)
    return formatter("json").format(record)


def test_a_message_is_one_line_whatever_it_contains():
    line = line_of('%s\n{"timestamp": "forged"}', "a\r\n\u2028b")
    assert len(line.splitlines()) == 1
    assert json.loads(line)["event"] == 'a\r\n\u2028b\n{"timestamp": "forged"}'


def test_only_known_fields_are_written():
    fields = json.loads(line_of("x", code="timeout", color_message="y"))
    assert fields["code"] == "timeout"
    assert "color_message" not in fields


def test_bound_fields_are_in_the_line():
    with bound_contextvars(request_id="1234"):
        assert json.loads(line_of("x"))["request_id"] == "1234"
    assert "request_id" not in json.loads(line_of("x"))


def test_lines_of_several_processes_name_the_process():
    ours, theirs = line_of("x"), "# Server initialized {}"
    assert json.loads(json_line("worker-1", ours)) == json.loads(ours) | {"process": "worker-1"}
    wrapped = json.loads(json_line("redis", theirs))
    assert (wrapped["event"], wrapped["process"]) == (theirs, "redis")
    assert datetime.fromisoformat(wrapped["timestamp"]).tzinfo == UTC


LOGGING = (
    "import logging; from telemetry.logs import set_up_logs; set_up_logs({}); "
    "logging.getLogger('superimpose.x').info('hello')"
)


@pytest.mark.parametrize(("wanted", "is_json"), [("", False), ("'console'", False), ("'json'", True)])
def test_a_terminal_gets_text_unless_json_is_set(wanted, is_json):
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", LOGGING.format(wanted)], stderr=theirs, check=True)
    line = os.read(ours, 1000).decode()
    os.close(ours)
    os.close(theirs)
    assert line.startswith("{") == is_json
    assert "hello" in line


@pytest.mark.parametrize(("wanted", "is_json"), [("", True), ("'console'", False)])
def test_anything_else_gets_json_unless_text_is_set(wanted, is_json):
    done = subprocess.run(
        [sys.executable, "-c", LOGGING.format(wanted)], capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith("{") == is_json
