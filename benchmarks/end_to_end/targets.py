"""The speed to reach, line by line, with what a run measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.end_to_end.results import Results
from benchmarks.harness.figures import median_ratio, percentile
from benchmarks.no_op import cpu_ms

OURS, SHIPPED = "ours", "shipped"


@dataclass(frozen=True)
class Target:
    """The text, the figure (empty: not measured) and whether it was met."""

    text: str
    figure: str
    met: bool | None


def targets(results: Results) -> list[Target]:
    return [*_against_others(results), *_of_the_service(results), *_of_growth(results)]


def rates(results: Results, contestant: str, workload: str, column: str = "per_s") -> list[float]:
    """One figure of each round."""
    return results.column("rates", column, contestant=contestant, workload=workload)


def _fastest_peer(results: Results, workload: str) -> str:
    """By its median."""
    named = set(results.column("rates", "contestant", workload=workload)) - {OURS, SHIPPED}
    return max(named, key=lambda name: median(rates(results, name, workload)), default="")


def _target(text: str, figure: float | None, shown: str, met: Callable[[float], bool]) -> Target:
    return Target(text, "", None) if figure is None else Target(text, shown.format(figure), met(figure))


def _ratio(ones: Sequence[float], others: Sequence[float]) -> float | None:
    return median_ratio(ones, others) if ones and others else None


def _against_others(results: Results) -> list[Target]:
    bare = _ratio(rates(results, OURS, "seed-jpeg"), rates(results, OURS, "seed-jpeg", "bare_per_s"))
    text = "Seed example to JPEG, cache off: at least 0.85 of the bare loop"
    listed = [_target(text, bare, "{:.2f}", lambda it: it >= 0.85)]
    for workload, ours, least, text in (
        ("seed-jpeg", OURS, 1.0, "The same: more than every peer with the same compositor"),
        ("seed-png", OURS, 1.0, "The same to PNG"),
        ("different-jpeg", SHIPPED, 1.3, "Inputs all different, to JPEG: 1.3 x a peer with plain Pillow"),
        ("different-png", SHIPPED, 5.0, "The same to PNG: 5 x"),
        ("one-base-jpeg", SHIPPED, 2.5, "One base under a thousand logos, to JPEG: 2.5 x"),
        ("one-base-png", SHIPPED, 10.0, "The same to PNG: 10 x"),
    ):
        peer = _fastest_peer(results, workload)
        ratio = _ratio(rates(results, ours, workload), rates(results, peer, workload))
        met = lambda it, least=least: it > least if least == 1 else it >= least  # noqa: E731
        listed.append(_target(text, ratio, f"{{:.2f}} x the fastest, {peer}", met))
    return listed


def _of_the_service(results: Results) -> list[Target]:
    taxes = {
        kind: median(map(cpu_ms, rows))
        for kind in ("ours", "simple", "forking")
        if (rows := list(results.rows("queue_tax", kind=kind)))
    }
    beside = "; RQ's {simple:.2f} and {forking:.2f}".format(**taxes) if len(taxes) == 3 else ""
    slow = _ratio(results.column("slow_origin", "delayed"), results.column("slow_origin", "at_once"))
    status = _ratio(results.column("status", "ours"), results.column("status", "bare"))
    listed = [
        _target(
            "Queue tax of a job that does nothing: at most 1.2 ms CPU, against stock RQ's",
            taxes.get("ours"),
            f"{{:.2f}} ms{beside}",
            lambda it: it <= 1.2,
        ),
        _target(
            "250 ms of latency on every input: at least 0.8 of the throughput without",
            slow,
            "{:.2f}",
            lambda it: it >= 0.8,
        ),
        _target(
            "Status: at least 0.7 of a bare Starlette route with one Redis GET",
            status,
            "{:.2f}",
            lambda it: it >= 0.7,
        ),
    ]
    for column, limit, text in (
        ("submit_ms", 50, "Submit p99 under 50 ms at half the saturation rate"),
        ("status_ms", 20, "Status p99 under 20 ms while workers are saturated"),
    ):
        waits = results.pooled("response_times", column)
        p99 = percentile(waits, 99) if waits else None
        listed.append(_target(text, p99, "{:.1f} ms", lambda it, limit=limit: it < limit))
    return listed


def _of_growth(results: Results) -> list[Target]:
    few, many = ([cpu_ms(row) for row in results.rows("backlog", waiting=count)] for count in (10, 100_000))
    dearer = _ratio(many, few)
    return [
        _target(
            "A job with 100,000 waiting costs within 5 % of one with 10 (CPU)",
            None if dearer is None else 100 * (dearer - 1),
            "{:+.1f} %",
            lambda it: it <= 5,
        ),
        _target(
            "Under 2 KB of Redis for a waiting request",
            bytes_each(results, "waiting"),
            "{:,.0f} bytes",
            lambda it: it < 2048,
        ),
        _target(
            "Resident memory flat: under 5 % growth after the first 2,000 of 20,000 jobs; what grew most",
            max(growth_percent(results).values(), default=None),
            "{:+.1f} %",
            lambda it: it < 5,
        ),
    ]


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
