"""Which `traceparent` a call carries on, and which it ignores."""

import pytest
from opentelemetry.trace import NoOpTracer

from telemetry.traces import read_traceparent, write_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def carried(*headers):
    """By a call with these headers, while nothing is exported."""
    return write_traceparent(NoOpTracer().start_span("call", read_traceparent(headers)))


@pytest.mark.parametrize("flags", ["00", "01", "03", "fe"])
def test_it_is_carried_as_it_came(flags):
    text = f"00-{TRACE}-{SPAN}-{flags}"
    assert carried(text) == text


def test_of_a_later_version_what_the_first_one_has_is_carried():
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
def test_anything_else_is_ignored(text):
    assert carried(text) == ""


def test_two_headers_are_ignored():
    text = f"00-{TRACE}-{SPAN}-01"
    assert carried(text, text) == carried() == ""
