"""Traces from a call to the store, as a collector gets them; and what happens without one."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from opentelemetry.trace import NoOpTracer
from redis import Redis

from jobs import keyspace
from jobs.lifecycle.status import FailureCode
from telemetry.stages import STAGES
from telemetry.traces import open_traces, read_traceparent, write_traceparent
from tests.stack import empty_database, environment, running
from tests.telemetry.collector import collecting

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
ROOT = Path(__file__).parents[2]
NO_PURPLE = "tests.worker.plugins:NoPurple"  # so that there is a stage "inspect"


def asked(stack, **more):
    return dict.fromkeys(("base_image", "overlay_image"), f"{stack.url}/samples/cup.jpg") | more


def killed(stack):
    """Whether a process had to be killed."""
    return any(process.returncode == -signal.SIGKILL for process in stack.processes)


def submitted(stack, traceparent, path="/v2/superimpose", **more):
    """The id of a request that was sent with this header, and has ended."""
    answer = stack.client.post(path, json=asked(stack, **more), headers={"traceparent": traceparent})
    assert answer.status_code == 200, answer.text
    request_id = answer.headers.get("x-request-id") or answer.json()["request_id"]
    stack.finish(request_id)
    return request_id


@pytest.fixture(scope="module")
def seen(redis_socket, tmp_path_factory):
    """Request ids by what was done, and the spans that came of it by the time all processes had stopped."""
    url = empty_database(redis_socket, 5)
    with collecting() as collector:
        data_dir = tmp_path_factory.mktemp("traced")
        env = environment(url, data_dir, fetch_allow="127.0.0.1/32", content_check=NO_PURPLE)
        env |= {
            "PYTHONPATH": str(ROOT),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        }
        with running(env) as stack:
            ids = {
                "traced": submitted(stack, TRACEPARENT),
                "waited for": submitted(stack, f"00-{'a' * 32}-{SPAN}-01", "/v1/superimpose"),
                "invalid": submitted(stack, f"00-{'0' * 32}-{SPAN}-01"),
                "unsampled": submitted(stack, f"00-{'b' * 32}-{SPAN}-00"),
                "failing": submitted(
                    stack, f"00-{'c' * 32}-{SPAN}-01", base_image="http://127.0.0.1:1025/a.jpg?CANARYQUERY"
                ),
            }
            refused = {"traceparent": f"00-{'d' * 32}-{SPAN}-01", "x-api-key": "si_CANARYKEY"}
            assert httpx.post(f"{stack.url}/v2/superimpose?CANARY", headers=refused).status_code == 401
        assert not killed(stack)
    return ids, collector


def of_trace(seen, trace_id):
    """Its spans by name."""
    return {span.name: span for span in seen[1].spans if span.trace_id == trace_id}


def test_one_trace_goes_from_the_call_to_the_store(seen):
    spans = of_trace(seen, TRACE)
    call, wait, attempt = spans["POST /v2/superimpose"], spans["queue wait"], spans["attempt"]

    assert set(spans) == {call.name, wait.name, attempt.name, *STAGES}
    assert call.parent_id == SPAN
    assert wait.parent_id == attempt.parent_id == call.span_id
    assert {spans[stage].parent_id for stage in STAGES} == {attempt.span_id}
    assert (call.service, attempt.service) == ("superimpose-api", "superimpose-worker")


def test_stages_follow_each_other_within_the_attempt(seen):
    spans = of_trace(seen, TRACE)
    attempt, stages = spans["attempt"], [spans[stage] for stage in STAGES]

    assert spans["queue wait"].end == attempt.start == stages[0].start
    assert [stage.end for stage in stages[:-1]] == [stage.start for stage in stages[1:]]
    assert stages[-1].end <= attempt.end


def test_spans_name_the_request(seen):
    spans = of_trace(seen, TRACE)
    call, attempt = spans["POST /v2/superimpose"].attributes, spans["attempt"].attributes

    assert call["http.response.status_code"] == 200
    assert call["superimpose.request_id"] == attempt["superimpose.request_id"] == seen[0]["traced"]
    assert attempt["superimpose.attempt"] == 1
    assert attempt["superimpose.key_id"]


def test_a_call_that_waits_for_its_picture_lasts_longer_than_the_attempt(seen):
    spans = of_trace(seen, "a" * 32)
    assert spans["POST /v1/superimpose"].end > spans["store"].start


def test_an_invalid_traceparent_is_ignored_and_a_trace_begun(seen):
    calls = {
        span.attributes.get("superimpose.request_id"): span for span in seen[1].spans if not span.parent_id
    }
    root = calls[seen[0]["invalid"]]

    assert root.trace_id != "0" * 32
    assert set(of_trace(seen, root.trace_id)) == {root.name, "queue wait", "attempt", *STAGES}


def test_a_trace_that_is_not_sampled_has_no_spans(seen):
    assert of_trace(seen, "b" * 32) == {}


def test_a_failed_attempt_has_its_error_code(seen):
    attempts = [s for s in seen[1].named("attempt") if s.trace_id == "c" * 32]
    assert {(span.failed, span.attributes["error.type"]) for span in attempts} == {
        (True, FailureCode.FETCH_FAILED)
    }


def test_a_refused_call_has_its_status(seen):
    call = of_trace(seen, "d" * 32)["POST /v2/superimpose"]
    assert call.attributes["http.response.status_code"] == 401
    assert not call.failed


def test_no_span_contains_a_secret(seen):
    assert "CANARY" not in str(seen[1].spans)


def test_requests_complete_while_the_collector_is_away(redis_socket, tmp_path):
    log = tmp_path / "log"
    env = environment(empty_database(redis_socket, 5), tmp_path)
    env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:CANARYPASSWORD@127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_HEADERS": "CANARYHEADER",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "10",
    }
    with log.open("wb") as file, running(env, log=file) as stack:
        for _ in range(3):
            request_id = submitted(stack, TRACEPARENT)
            assert stack.status(request_id).json()["status"] == "COMPLETED"
    assert not killed(stack)
    written = log.read_text()
    assert written.count("traces cannot be exported") == len(stack.processes)
    assert "Traceback" not in written
    assert "CANARY" not in written


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER = 'zipkin' is not one of otlp, none"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL = 'grpc' must be http/protobuf",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "0"},
            "a variable OTEL_* is wrong: ",
        ),
    ],
)
def test_unusable_variables_are_logged_and_turn_traces_off(variables, text, monkeypatch, caplog):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert isinstance(open_traces("api").tracer, NoOpTracer)
    assert f"traces are off: {text}" in caplog.text


def test_without_variables_nothing_of_the_extra_is_loaded():
    code = (
        "import sys, api.app, worker.warm_worker; from telemetry.traces import open_traces; "
        "open_traces('api'); "
        "print({'telemetry.otlp', 'opentelemetry.exporter'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_trace_is_carried_to_the_worker_without_the_extra(service, redis_socket):
    request_id = submitted(service, TRACEPARENT)
    with Redis.from_url(f"unix://{redis_socket}?db=0", decode_responses=True) as redis:
        assert redis.hget(keyspace.request(request_id), "traceparent") == TRACEPARENT
        plain = service.submit(**asked(service))
        assert redis.hget(keyspace.request(plain), "traceparent") is None


def carried(*headers):
    """By a call with these headers, while nothing is exported."""
    return write_traceparent(NoOpTracer().start_span("call", read_traceparent(headers)))


@pytest.mark.parametrize("flags", ["00", "01", "03", "fe"])
def test_a_traceparent_is_carried_unchanged(flags):
    text = f"00-{TRACE}-{SPAN}-{flags}"
    assert carried(text) == text


def test_of_a_later_version_the_fields_of_the_first_are_carried():
    assert carried(f"cc-{TRACE}-{SPAN}-01-what-else") == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01what",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 500}",
        f"00-{TRACE}-{SPAN}-\u0660\u0661",
    ],
)
def test_an_invalid_traceparent_is_ignored(text):
    assert carried(text) == ""


def test_two_traceparents_are_ignored():
    text = f"00-{TRACE}-{SPAN}-01"
    assert carried(text, text) == carried() == ""
