"""`python -m benchmarks SCENARIO [options]`."""

import ast
import signal
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
SCENARIOS = {path.stem.replace("_", "-"): path for path in sorted((HERE / "scenarios").glob("[a-z]*.py"))}
SCENARIOS["loadtest"] = HERE.parent / "loadtest" / "command.py"


def usage() -> str:
    lines = ["usage: python -m benchmarks SCENARIO [options], or SCENARIO --help", ""]
    for name, path in SCENARIOS.items():  # not imported, as some need packages of their own
        about = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        lines.append(f"  {name:14} {about}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int | None:
    name, *options = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name not in SCENARIOS:
        print(f"{name!r} is no scenario\n{usage()}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup
            signal.signal(number, lambda *_: sys.exit(1))  # so that what was started is stopped
    module = ".".join(SCENARIOS[name].relative_to(HERE.parent).with_suffix("").parts)
    result: int | None = import_module(module).main(options)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
