"""The speed to reach, line by line, with what a run measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.end_to_end.results import Results
from benchmarks.harness.figures import median_ratio, percentile

OURS, SHIPPED = "ours", "shipped"


@dataclass(frozen=True)
class Target:
    """What was asked for, the figure (empty: not measured) and whether it was met."""

    text: str
    figure: str
    met: bool | None


def targets(results: Results) -> list[Target]:
    """All of them."""
    return [*_against_others(results), *_of_the_service(results), *_of_growth(results)]


def rates(results: Results, contestant: str, scenario: str, column: str = "per_s") -> list[float]:
    """One figure of each round."""
    return results.column("rates", column, contestant=contestant, scenario=scenario)


def fastest_peer(results: Results, scenario: str) -> str | None:
    """By its median."""
    named = set(results.column("rates", "contestant", scenario=scenario)) - {OURS, SHIPPED}
    return max(named, key=lambda name: median(rates(results, name, scenario)), default=None)


def _target(text: str, figure: float | None, said: str, met: Callable[[float], bool]) -> Target:
    if figure is None:
        return Target(text, "", None)
    return Target(text, said.format(figure), met(figure))


def _ratio(ones: Sequence[float], others: Sequence[float]) -> float | None:
    return median_ratio(ones, others) if ones and others else None


def _against_others(results: Results) -> Iterator[Target]:
    bare = _ratio(rates(results, OURS, "seed-jpeg"), rates(results, OURS, "seed-jpeg", "bare_per_s"))
    yield _target(
        "Seed example to JPEG, cache off: at least 0.85 of the bare loop",
        bare,
        "{:.2f}",
        lambda it: it >= 0.85,
    )
    for scenario, ours, least, text in (
        ("seed-jpeg", OURS, 1.0, "The same: more than every peer with the same compositor"),
        ("seed-png", OURS, 1.0, "The same to PNG"),
        ("different-jpeg", SHIPPED, 1.3, "Inputs all different, to JPEG: 1.3 x a peer with plain Pillow"),
        ("different-png", SHIPPED, 5.0, "The same to PNG: 5 x"),
        ("one-base-jpeg", SHIPPED, 2.5, "One base under a thousand logos, to JPEG: 2.5 x"),
        ("one-base-png", SHIPPED, 10.0, "The same to PNG: 10 x"),
    ):
        peer = fastest_peer(results, scenario)
        ratio = _ratio(rates(results, ours, scenario), rates(results, peer or "", scenario))
        said = f"{{:.2f}} x the fastest, {peer}"
        yield _target(text, ratio, said, lambda it, least=least: it > least if least == 1 else it >= least)


def tax_ms(row: dict[str, float]) -> float:
    """Processor time of all processes but Redis."""
    return row["enqueue"] + row["work"] + row["child"]


def _of_the_service(results: Results) -> Iterator[Target]:
    taxes = {
        kind: median(map(tax_ms, rows))
        for kind in ("ours", "simple", "forking")
        if (rows := list(results.rows("queue_tax", kind=kind)))
    }
    beside = "; RQ's {simple:.2f} and {forking:.2f}".format(**taxes) if len(taxes) == 3 else ""
    yield _target(
        "Queue tax of a job that does nothing: at most 1.2 ms CPU, against stock RQ's",
        taxes.get("ours"),
        f"{{:.2f}} ms{beside}",
        lambda it: it <= 1.2,
    )
    slow = _ratio(results.column("slow_origin", "delayed"), results.column("slow_origin", "at_once"))
    text = "250 ms of latency on every input: at least 0.8 of the throughput without"
    yield _target(text, slow, "{:.2f}", lambda it: it >= 0.8)
    status = _ratio(results.column("status", "ours"), results.column("status", "bare"))
    text = "Status: at least 0.7 of a bare Starlette route with one Redis GET"
    yield _target(text, status, "{:.2f}", lambda it: it >= 0.7)
    for column, limit, text in (
        ("submit_ms", 50, "Submit p99 under 50 ms at half the saturation rate"),
        ("status_ms", 20, "Status p99 under 20 ms while workers are saturated"),
    ):
        waits = results.pooled("response_times", column)
        p99 = percentile(waits, 99) if waits else None
        yield _target(text, p99, "{:.1f} ms", lambda it, limit=limit: it < limit)


def _of_growth(results: Results) -> Iterator[Target]:
    few, many = (results.column("backlog", "cpu", waiting=waiting) for waiting in (10, 100_000))
    text = "A job with 100,000 waiting costs within 5 % of one with 10 (CPU)"
    dearer = _ratio(many, few)
    yield _target(text, None if dearer is None else 100 * (dearer - 1), "{:+.1f} %", lambda it: it <= 5)
    sizes = bytes_each(results, "waiting")
    yield _target("Under 2 KB of Redis for a waiting request", sizes, "{:,.0f} bytes", lambda it: it < 2048)
    grown = max(growth_percent(results).values(), default=None)
    text = "Resident memory flat: under 5 % growth after the first 2,000 of 20,000 jobs; what grew most"
    yield _target(text, grown, "{:+.1f} %", lambda it: it < 5)


def bytes_each(results: Results, state: str) -> float | None:
    """Bytes of Redis a request."""
    rows = list(results.rows("redis_bytes", state=state))
    return rows[-1]["bytes"] / rows[-1]["requests"] if rows else None


def growth_percent(results: Results) -> dict[str, float]:
    """By kind of process, from the first tenth of the samples after 2,000 jobs to the last tenth."""
    samples = [row for row in results.rows("memory") if row["jobs"] >= 2_000]
    few = max(1, len(samples) // 10)

    def of(kind: str) -> float:
        early, late = ([row[kind] for row in part] for part in (samples[:few], samples[-few:]))
        return 100 * (median(late) / median(early) - 1)

    return {kind: of(kind) for kind in ("api", "workers", "children")} if len(samples) > 1 else {}
