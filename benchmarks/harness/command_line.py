"""The command line of a scenario."""

import argparse


def parser(scenario: str, text: str | None, **counts: int) -> argparse.ArgumentParser:
    """With an option for each count, given by its default."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks {scenario}",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, default in counts.items():
        made.add_argument(f"--{name}", type=int, default=default, help="[%(default)s]")
    return made
