"""What the worker costs a job that does nothing, against RQ's own workers.

Jobs wait in the queue of one worker process; rounds alternate.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.harness.command_line import parser
from benchmarks.harness.figures import interleaved
from benchmarks.harness.page import table
from benchmarks.harness.redis_server import redis_server
from benchmarks.no_op import cost_ms, cpu_ms

LABELS = {"ours": "Superimpose", "simple": "RQ SimpleWorker", "forking": "RQ Worker, forking"}
PARTS = ("enqueue", "work", "child", "redis", "wall")
HEADS = ("", "together", "enqueue", "worker", "child", "Redis", "elapsed", "over SimpleWorker")
FORKING_TAKES = 10  # times as long


def main(arguments: Sequence[str]) -> None:
    options = parser("worker", __doc__, rounds=7, jobs=400).parse_args(arguments)
    with redis_server() as redis:
        print(shown(interleaved(no_ops(redis.url, options.jobs), options.rounds)))


def no_ops(redis_url: str, jobs: int) -> dict[str, Callable[[], dict[str, float]]]:
    counts = {"ours": jobs, "simple": jobs, "forking": max(1, jobs // FORKING_TAKES)}
    return {kind: partial(cost_ms, kind, redis_url, count) for kind, count in counts.items()}


def shown(costs: Mapping[str, Sequence[dict[str, float]]]) -> str:
    """Medians in ms a job, and what the job takes beyond RQ's SimpleWorker."""
    simple = median(cost["wall"] for cost in costs["simple"])
    rows = []
    for kind, rounds in costs.items():
        parts = [median(cost[part] for cost in rounds) for part in PARTS]
        figures = [f"{ms:.2f}" for ms in parts]
        over = f"{parts[-1] - simple:+.2f}"
        rows.append([LABELS[kind], f"**{median(map(cpu_ms, rounds)):.2f}**", *figures, over])
    return table(HEADS, rows)
