"""What a `traceparent` header says, and what is none."""

import pytest

from telemetry.trace_context import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True), ("fe", False)])
def test_ids_and_the_sampled_flag_are_read(flags, sampled):
    assert TraceContext.parse(f"00-{TRACE}-{SPAN}-{flags}") == TraceContext(TRACE, SPAN, sampled)


def test_of_a_later_version_what_the_first_one_has_is_read():
    assert TraceContext.parse(f"cc-{TRACE}-{SPAN}-01-what-else") == TraceContext(TRACE, SPAN, True)


def test_it_is_written_as_it_is_read():
    text = f"00-{TRACE}-{SPAN}-01"
    assert str(TraceContext.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01what",
        f"00-{TRACE}-{SPAN}-\u0660\u0661",
    ],
)
def test_anything_else_is_none(text):
    assert TraceContext.parse(text) is None


def test_two_headers_are_none():
    text = f"00-{TRACE}-{SPAN}-01"
    assert TraceContext.of_headers([text, text]) is None
    assert TraceContext.of_headers([]) is None
    assert TraceContext.of_headers([text]) == TraceContext.parse(text)
