"""How much a service takes: steps through numbers of clients, and writes a report with a verdict.

Exit status 0 if no request failed, 2 if the command line is wrong, else 1, and one line that says why.
"""

import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.page import DOCS
from benchmarks.harness.processes import CannotStart
from benchmarks.harness.service import up
from loadtest import mix
from loadtest.arguments import LoadOptions, parse
from loadtest.pictures import bases, overlays, serving
from loadtest.run import Load
from loadtest.samples import Step
from loadtest.target import Target, Unusable, one_line


def main(arguments: Sequence[str]) -> int:
    try:
        return run(parse(arguments))
    except CannotStart as error:
        fail(f"the service did not start: {one_line(error)}")
    except (Unusable, OSError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("stopped, there is no report")
    return 1


def run(options: LoadOptions) -> int:
    """Measure and report; there is a report too if the load was too much."""
    for module in ("locust", "matplotlib"):
        if find_spec(module) is None:
            raise Unusable(f"{module} is missing: `make loadtest` installs it")
    options.out.mkdir(parents=True, exist_ok=True)
    with prepared(options) as load:
        print(f"{load.host}: {len(options.clients)} steps of {options.seconds} s", flush=True)
        steps = list(until_overrun(load, options))
    from loadtest import report  # late, as what it draws with takes its time

    done = report.Report(report.facts(options.host), options.seconds, steps)
    report.write(done, options.out)
    if options.docs:
        report.write_docs(done, DOCS)
    print(options.out / "index.html")
    if not done.passed:
        fail(done.verdict)
        return 1
    print(f"loadtest: {done.verdict}")
    return 0


@contextmanager
def prepared(options: LoadOptions) -> Iterator[Load]:
    """The service at the given host, or one started for the test, once it has made a picture."""
    with ExitStack() as stack:
        host, key, pictures = options.host, options.key, ""
        if host is None:
            key = secrets.token_urlsafe()
            folder = stack.enter_context(TemporaryDirectory(prefix="superimpose-loadtest-"))
            host = stack.enter_context(up(Path(folder), key=key)).url
            pictures = stack.enter_context(serving())
        elif options.pictures:
            pictures = stack.enter_context(serving(*options.pictures))
        with Target(host, key) as target:
            urls = [
                [f"{pictures}/{name}" for name in files] if pictures else target.upload(files)
                for files in (bases(), overlays())
            ]
            target.try_out(mix.body(*urls))
        yield Load(host, key, options.out.absolute(), *urls)


def until_overrun(load: Load, options: LoadOptions) -> Iterator[Step]:
    """Every step, up to the first that is too much."""
    for clients in options.clients:
        step = load.step(clients, options.seconds)
        print(step, flush=True)
        yield step
        if step.overrun:
            return


def fail(text: str) -> None:
    print(f"loadtest: {text}", file=sys.stderr)
