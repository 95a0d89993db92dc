"""Rates as people write them."""

import pytest

from jobs.keys.rates import Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/minute", Rate(600, 60)),
        ("1/second", Rate(1, 1)),
        ("5/hour", Rate(5, 3600)),
        ("100000/day", Rate(100_000, 86400)),
        ("unlimited", Rate(0, 1)),
    ],
)
def test_a_rate_is_read_and_written_the_same(text, rate):
    assert Rate.parse(text) == rate
    assert str(rate) == text


@pytest.mark.parametrize(
    "text",
    ["", "600", "0/minute", "-1/minute", "1.5/second", "600/min", "600 / minute", "٦/minute", "1/fortnight"],
)
def test_an_invalid_rate_is_refused_with_the_valid_forms(text):
    with pytest.raises(ValueError, match=r"write 600/minute .* or unlimited"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("smaller", "larger", "holds"),
    [
        ("60/minute", "1/second", True),
        ("61/minute", "1/second", False),
        ("1/second", "3600/hour", True),
        ("1000/second", "unlimited", True),
        ("unlimited", "1000/second", False),
        ("unlimited", "unlimited", True),
    ],
)
def test_rates_compare_by_calls_in_a_time(smaller, larger, holds):
    assert (Rate.parse(smaller) <= Rate.parse(larger)) is holds
