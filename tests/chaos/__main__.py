"""`python -m tests.chaos`: a long run of the chaos suite, with progress and tables."""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import KILLS, KINDS
from tests.chaos.run import Plan, run

SETS = {"all": tuple(KINDS), "kills": tuple(sorted(KILLS))}


def arguments() -> argparse.Namespace:
    """Command-line options."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=240, help="of load")
    parser.add_argument("--result-ttl", type=int, default=30, help="seconds")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kinds", default="all", help="all, kills, or names with commas between")
    return parser.parse_args()


def say(text: str) -> None:
    """Print with a flush."""
    print(text, flush=True)


def main() -> int:
    """Run and report; keep the logs of the processes if anything is wrong."""
    given = arguments()
    kinds = SETS.get(given.kinds) or tuple(given.kinds.split(","))
    plan = Plan(given.seed, given.requests, given.faults, given.seconds, kinds, given.result_ttl)
    for name in [name for name in os.environ if name.startswith("SUPERIMPOSE_")]:
        del os.environ[name]
    directory = Path(tempfile.mkdtemp(prefix="superimpose-chaos-"))
    say(f"seed {plan.seed}, in {directory}")
    report = asyncio.run(run(plan, directory, say))
    say(str(report))
    if report.violations:
        (directory / "violations").write_text("\n".join(report.violations))
        say(f"\nseed {plan.seed}: kept in {directory}, all violations in its file of that name")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
