"""The simulated autoscaler works like Kubernetes's, and gives the figures of docs/scaling.md."""

from dataclasses import replace

import pytest

from benchmarks.autoscaling import (
    AGE,
    BUSY,
    DAY_S,
    SYNC_S,
    Autoscaler,
    Pods,
    arrivals,
    scaled_object,
    simulate,
)
from benchmarks.harness.figures import DOCS
from benchmarks.scenarios.scaling import days, shown

PAGE = (DOCS / "scaling.md").read_text()


def direction(window_s, *policies):
    """Scaling rules with these policies, of (type, value, period in s) each."""
    named = [dict(zip(("type", "value", "periodSeconds"), each, strict=True)) for each in policies]
    return {"stabilizationWindowSeconds": window_s, "policies": named}


FREE = direction(0, ("Percent", 10_000, 15))
RULES = replace(scaled_object(), min_replicas=1, max_replicas=1000, threshold=1.0, up=FREE, down=FREE)


def after(rules, replicas, *values):
    """The number of replicas after each of these values."""
    autoscaler, counts = Autoscaler(rules), []
    for number, value in enumerate(values):
        replicas = autoscaler.sync(number * SYNC_S, value, replicas)
        counts.append(replicas)
    return counts


@pytest.mark.parametrize(
    ("replicas", "value", "target"),
    [(10, 20, 20), (10, 20.1, 21), (10, 10.9, 10), (10, 9.1, 10), (10, 11.2, 12), (10, 8.9, 9), (10, 0, 1)],
)
def test_the_number_follows_the_value_beyond_a_tolerance_of_a_tenth(replicas, value, target):
    assert after(RULES, replicas, value) == [target]


def test_the_threshold_divides_the_value():
    assert after(replace(RULES, threshold=4.0), 2, 20) == [5]


def test_the_number_stays_within_its_bounds():
    assert after(replace(RULES, min_replicas=2, max_replicas=7), 3, 100, 0) == [7, 2]


def test_scaling_up_the_most_generous_policy_counts_within_its_period():
    up = direction(0, ("Percent", 100, 15), ("Pods", 4, 15))
    assert after(replace(RULES, up=up), 1, *[100] * 4) == [5, 10, 20, 40]
    slower = direction(0, ("Pods", 4, 30))
    assert after(replace(RULES, up=slower), 1, *[100] * 4) == [5, 5, 9, 9]


def test_scaling_down_by_percent_is_relative_to_the_start_of_the_period():
    down = direction(0, ("Percent", 50, 60))
    assert after(replace(RULES, down=down), 40, *[1] * 5) == [20, 20, 20, 20, 10]


def test_scaling_down_uses_the_highest_recommendation_of_the_window():
    down = direction(60, ("Percent", 10_000, 15))
    assert after(replace(RULES, down=down), 10, 20, 5, 8, 1, 1, 1, 1, 1) == [20, 20, 20, 20, 8, 8, 1, 1]


def test_the_query_doubles_when_the_oldest_request_has_waited_for_ten_seconds():
    assert scaled_object().value({BUSY: 3, AGE: 0}) == 3
    assert scaled_object().value({BUSY: 3, AGE: 10}) == 6


def test_the_load_is_deterministic_and_of_one_day():
    assert arrivals() == arrivals()
    assert len(arrivals()) == DAY_S


@pytest.mark.parametrize("pace", [100, 10, 0.5])
def test_a_catalogue_scales_to_the_maximum_and_back_at_any_pace(pace):
    rules = scaled_object()
    counts = [0] * 3600
    counts[60] = int(3000 * pace)  # a minute of work for all workers

    trace = simulate(counts, Pods(pace, 10, 1), rules)

    assert (rules.min_replicas, rules.max_replicas) == (1, 50)
    assert (min(trace.workers), max(trace.workers), trace.workers[-1]) == (1, 50, 1)
    assert trace.longest_s < 180
    assert sum(trace.waits.values()) == pytest.approx(sum(counts))


def test_steady_load_keeps_the_needed_workers_and_an_empty_queue():
    rules = scaled_object()

    trace = simulate([195] * 7200, Pods(10, 10, 1), rules)

    assert set(trace.age_s[3600:]) == {0}
    assert set(trace.workers[3600:]) == {20}


def test_the_page_has_the_query_and_the_figures_that_the_scenario_prints():
    counts = arrivals()

    assert f"\n{scaled_object().query}\n" in PAGE
    assert f"{sum(counts):,} pictures" in PAGE
    assert shown(days(counts, Pods(10, 10, 1))) in PAGE
