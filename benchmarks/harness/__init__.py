"""What every benchmark is made of: services to start, load, rounds, figures and pages."""

import argparse


def parser(scenario: str, text: str | None, **counts: int) -> argparse.ArgumentParser:
    """The command line of a scenario, with an option for each count, given by its default."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks {scenario}",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, default in counts.items():
        made.add_argument(f"--{name}", type=int, default=default, help="[%(default)s]")
    return made
