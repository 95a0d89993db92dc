"""The speed to reach, line by line, with what a run measured."""

from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from statistics import median
from typing import NamedTuple

from benchmarks.end_to_end.results import Results
from benchmarks.harness.figures import median_ratio, percentile
from benchmarks.scenarios.worker import cpu_ms

AGAINST_PEERS = (
    ("seed-jpeg", "ours", gt, 1.0, "The same: more than every peer with the same compositor"),
    ("seed-png", "ours", gt, 1.0, "The same to PNG"),
    ("different-jpeg", "shipped", ge, 1.3, "Inputs all different, to JPEG: 1.3 x a peer with plain Pillow"),
    ("different-png", "shipped", ge, 5.0, "The same to PNG: 5 x"),
    ("one-base-jpeg", "shipped", ge, 2.5, "One base under a thousand logos, to JPEG: 2.5 x"),
    ("one-base-png", "shipped", ge, 10.0, "The same to PNG: 10 x"),
)


class Target(NamedTuple):
    """The text, the figure (empty: not measured) and whether it was met."""

    text: str
    figure: str
    met: bool | None


def targets(results: Results) -> list[Target]:
    listed: list[Target] = []

    def add(
        text: str, figure: float | None, shown: str, compare: Callable[[float, float], bool], limit: float
    ) -> None:
        known = figure is not None
        met = compare(figure, limit) if known else None
        listed.append(Target(text, shown.format(figure) if known else "", met))

    column = results.column
    bare = ratio(rates(results, "ours", "seed-jpeg"), rates(results, "ours", "seed-jpeg", "bare_per_s"))
    add("Seed example to JPEG, cache off: at least 0.85 of the bare loop", bare, "{:.2f}", ge, 0.85)
    for workload, ours, compare, limit, text in AGAINST_PEERS:
        peer = fastest_peer(results, workload)
        faster = ratio(rates(results, ours, workload), rates(results, peer, workload))
        add(text, faster, f"{{:.2f}} x the fastest, {peer}", compare, limit)
    kinds = ("ours", "simple", "forking")
    own, *rqs = (
        known(median, [cpu_ms(row) for row in results.rows("queue_tax", kind=kind)]) for kind in kinds
    )
    beside = "; RQ's {:.2f} and {:.2f}".format(*rqs) if None not in rqs else ""
    text = "Queue tax of a job that does nothing: at most 1.2 ms CPU, against stock RQ's"
    add(text, own, f"{{:.2f}} ms{beside}", le, 1.2)
    slow = ratio(column("slow_origin", "delayed"), column("slow_origin", "at_once"))
    add("250 ms of latency on every input: at least 0.8 of the throughput without", slow, "{:.2f}", ge, 0.8)
    status = ratio(column("status", "ours"), column("status", "bare"))
    add("Status: at least 0.7 of a bare Starlette route with one Redis GET", status, "{:.2f}", ge, 0.7)
    submit_p99, status_p99 = (
        known(lambda ms: percentile(ms, 99), results.pooled("response_times", name))
        for name in ("submit_ms", "status_ms")
    )
    add("Submit p99 under 50 ms at half the saturation rate", submit_p99, "{:.1f} ms", lt, 50)
    add("Status p99 under 20 ms while workers are saturated", status_p99, "{:.1f} ms", lt, 20)
    few, many = ([cpu_ms(row) for row in results.rows("backlog", waiting=count)] for count in (10, 100_000))
    dearer = known(lambda costs: 100 * (median_ratio(costs, few) - 1), many)
    add("A job with 100,000 waiting costs within 5 % of one with 10 (CPU)", dearer, "{:+.1f} %", le, 5)
    add(
        "Under 2 KB of Redis for a waiting request", bytes_each(results, "waiting"), "{:,.0f} bytes", lt, 2048
    )
    grown = max(growth_percent(results).values(), default=None)
    text = "Resident memory flat: under 5 % growth after the first 2,000 of 20,000 jobs; what grew most"
    add(text, grown, "{:+.1f} %", lt, 5)
    return listed


def known(statistic: Callable[[Sequence[float]], float], values: Sequence[float]) -> float | None:
    return statistic(values) if values else None


def ratio(ones: Sequence[float], others: Sequence[float]) -> float | None:
    return median_ratio(ones, others) if ones and others else None


def rates(results: Results, contestant: str, workload: str, column: str = "per_s") -> list[float]:
    """One figure of each round."""
    return results.column("rates", column, contestant=contestant, workload=workload)


def fastest_peer(results: Results, workload: str) -> str:
    """By its median."""
    named = set(results.column("rates", "contestant", workload=workload)) - {"ours", "shipped"}
    return max(named, key=lambda name: median(rates(results, name, workload)), default="")


def bytes_each(results: Results, state: str) -> float | None:
    """Bytes of Redis a request."""
    rows = list(results.rows("redis_bytes", state=state))
    return rows[-1]["bytes"] / rows[-1]["requests"] if rows else None


def growth_percent(results: Results) -> dict[str, float]:
    """By kind of process, from the first tenth of the samples after 2,000 jobs to the last tenth."""
    samples = [row for row in results.rows("memory") if row["jobs"] >= 2_000]
    few = max(1, len(samples) // 10)

    def grown(kind: str) -> float:
        early, late = ([row[kind] for row in part] for part in (samples[:few], samples[-few:]))
        return 100 * (median(late) / median(early) - 1)

    return {kind: grown(kind) for kind in ("api", "workers", "children")} if len(samples) > 1 else {}
