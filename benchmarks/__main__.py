"""`python -m benchmarks SCENARIO [options]`."""

import argparse
import ast
import inspect
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
SCENARIOS = {path.stem.replace("_", "-"): path for path in sorted((HERE / "scenarios").glob("[a-z]*.py"))}
LOADTEST = "loadtest"  # parses its own options
SCENARIOS[LOADTEST] = HERE.parent / "loadtest" / "command.py"


def usage() -> str:
    lines = ["usage: python -m benchmarks SCENARIO [options], or SCENARIO --help", ""]
    for name, path in SCENARIOS.items():  # without importing them, as some need extra packages
        about = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        lines.append(f"  {name:14} {about}")
    return "\n".join(lines)


def options_of(name: str, scenario: ModuleType, arguments: Sequence[str]) -> dict[str, Any]:
    """An option for each parameter of the scenario's `main`; a tuple as default allows several values."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=scenario.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for each in inspect.signature(scenario.main).parameters.values():
        several = isinstance(each.default, tuple)
        kind = type(each.default[0] if several else each.default)
        shown = " ".join(map(str, each.default)) if several else each.default
        nargs = "+" if several else None
        parser.add_argument(f"--{each.name}", type=kind, nargs=nargs, default=each.default, help=f"[{shown}]")
    return vars(parser.parse_args(arguments))


def main(arguments: list[str]) -> int | None:
    name, *options = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name not in SCENARIOS:
        print(f"unknown scenario {name!r}\n{usage()}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, lambda *_: sys.exit(1))  # runs the cleanup that stops child processes
    path = SCENARIOS[name].relative_to(HERE.parent).with_suffix("")
    scenario = import_module(".".join(path.parts))
    if name == LOADTEST:
        return int(scenario.main(options))
    scenario.main(**options_of(name, scenario, options))
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
