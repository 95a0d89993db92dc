"""`python -m loadtest`: look at the service, step through numbers of clients, report.

Ends with a verdict in one line, and with 0 if no request failed, 2 if the command line cannot be meant,
else 1.
"""

import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from benchmarks.harness import machine
from loadtest import mix, stack
from loadtest.arguments import LoadOptions, parse
from loadtest.measured import Step
from loadtest.pictures import bases, overlays, serving
from loadtest.run import Load
from loadtest.target import Target, Unusable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit status; what the user can mend is one line."""
    try:
        return run(parse(arguments))
    except (Unusable, OSError) as error:
        say_why(str(error))
    except KeyboardInterrupt:
        say_why("stopped, there is no report")
    return 1


def run(options: LoadOptions) -> int:
    """Measure and report; there is a report too if the load was too much."""
    for module in ("locust", "matplotlib"):
        if find_spec(module) is None:
            raise Unusable(f"{module} is missing: `make loadtest` installs it")
    options.out.mkdir(parents=True, exist_ok=True)
    with prepared(options) as load:
        say(f"{load.host}: {len(options.clients)} steps of {options.seconds} s")
        steps = list(until_overrun(load, options))
    from loadtest import page, report  # late, as what they draw with takes its time

    done = report.Report(machine.facts(options.host), options.seconds, steps)
    report.write(done, options.out)
    if options.docs:
        page.write(done, stack.ROOT / "docs")
    say(f"{options.out / 'index.html'}")
    if done.passed:
        say(f"loadtest: {done.verdict}")
    else:
        say_why(done.verdict)
    return 0 if done.passed else 1


@contextmanager
def prepared(options: LoadOptions) -> Iterator[Load]:
    """The service that was named, or one of our own, once it has made a picture."""
    with ExitStack() as stopping:
        host, key, pictures = options.host, options.key, ""
        if host is None:
            key = secrets.token_urlsafe()
            host = stopping.enter_context(stack.running(key))
            pictures = stopping.enter_context(serving())
        elif options.pictures:
            pictures = stopping.enter_context(serving(*options.pictures))
        with Target(host, key) as target:
            urls = [
                [f"{pictures}/{name}" for name in made] if pictures else target.upload(made)
                for made in (bases(), overlays())
            ]
            target.try_out(mix.body(*urls))
        yield Load(host, key, options.out.absolute(), *urls)


def until_overrun(load: Load, options: LoadOptions) -> Iterator[Step]:
    """Every step, up to the first that is too much."""
    for clients in options.clients:
        step = load.step(clients, options.seconds)
        say(str(step))
        yield step
        if step.overrun:
            return


def say(text: str) -> None:
    """Show it at once."""
    print(text, flush=True)


def say_why(text: str) -> None:
    """The one line of a run that failed."""
    print(f"loadtest: {text}", file=sys.stderr)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup
            signal.signal(number, lambda *_: sys.exit(1))  # so that what was started is stopped
    sys.exit(main())
