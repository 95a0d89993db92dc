"""How much a service takes: steps through numbers of clients, and writes a report with a verdict.

Exit status 0 if no request failed, 2 if the command line is wrong, else 1, and one line that says why.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn
from urllib.parse import urlsplit

from benchmarks.harness.figures import DOCS
from benchmarks.harness.processes import CannotStart
from benchmarks.harness.servers import serving
from benchmarks.harness.service import up
from loadtest import mix
from loadtest.load import Load
from loadtest.pictures import find, placed
from loadtest.samples import Step
from loadtest.target import Target, Unusable, one_line

MAX_CLIENTS = 1000
MIN_SECONDS, MAX_SECONDS = 2, 600


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"loadtest: {message}\n")


def main(arguments: Sequence[str]) -> int:
    try:
        passed, verdict = run(parse(arguments))
    except CannotStart as error:
        passed, verdict = False, f"the service did not start: {one_line(error)}"
    except (Unusable, OSError) as error:
        passed, verdict = False, str(error)
    except KeyboardInterrupt:
        passed, verdict = False, "stopped, there is no report"
    print(f"loadtest: {verdict}", file=sys.stdout if passed else sys.stderr)
    return 0 if passed else 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """`host` None: start a service."""
    parser = _Parser(prog="python -m benchmarks loadtest", description="Load a service, and report.")
    add = parser.add_argument
    add("--host", type=_origin, help="the service, http://name:port [one is started]")
    add("--key", default=os.environ.get("KEY", ""), help="its API key [the variable KEY, which nobody sees]")
    add("--clients", type=_clients, default="1,2,4,8,16,32", help="of each step [%(default)s]")
    add("--seconds", type=_seconds, default="15", help="of a step [%(default)s]")
    add(
        "--pictures",
        type=_address,
        help="with --host: where to serve the pictures, http://address-of-this-machine:port "
        "[they are uploaded to the service]",
    )
    add("--out", type=Path, default="loadtest-report", help="directory [%(default)s]")
    add("--docs", action="store_true", help="write docs/PERFORMANCE.md and its plots too")
    options = parser.parse_args(arguments)
    if options.host and not options.key:
        parser.error("--host needs a key of that service: KEY=...; `superimpose keys create` makes one")
    if options.pictures and not options.host:
        parser.error("--pictures is for a service given by --host; ours fetches them from loopback")
    return options


def _origin(text: str, like: str = "http://127.0.0.1:8000") -> str:
    try:
        url = urlsplit(text)
        odd = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc or url.port == 0
    except ValueError:
        odd = True
    if odd or url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError(f"must look like {like}, not {text!r}")
    return f"{url.scheme}://{url.netloc}"


def _address(text: str) -> tuple[str, int]:
    like = "http://192.0.2.7:9000"
    url = urlsplit(_origin(text, like))
    if url.scheme != "http" or not url.hostname or url.port is None:
        raise argparse.ArgumentTypeError(f"must look like {like}, not {text!r}")
    return url.hostname, url.port


def _clients(text: str) -> tuple[int, ...]:
    counts = text.split(",")
    if not all(count.strip().isascii() and count.strip().isdigit() for count in counts):
        raise argparse.ArgumentTypeError(f"must look like 1,2,4,8, not {text!r}")
    if not all(1 <= int(count) <= MAX_CLIENTS for count in counts):
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_CLIENTS} each, not {text!r}")
    return tuple(map(int, counts))


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and MIN_SECONDS <= int(text) <= MAX_SECONDS):
        raise argparse.ArgumentTypeError(f"must be from {MIN_SECONDS} to {MAX_SECONDS}, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> tuple[bool, str]:
    """Whether it passed, and the verdict; there is a report too if the load was too much."""
    for module in ("locust", "matplotlib"):
        if find_spec(module) is None:
            raise Unusable(f"{module} is missing: `make loadtest` installs it")
    options.out.mkdir(parents=True, exist_ok=True)
    steps: list[Step] = []
    with prepared(options) as load:
        print(f"{load.host}: {len(options.clients)} steps of {options.seconds} s", flush=True)
        for clients in options.clients:
            steps.append(load.step(clients, options.seconds))
            print(steps[-1], flush=True)
            if steps[-1].overrun:
                break
    from loadtest import report  # late, as what it draws with takes its time

    done = report.Report(report.facts(options.host), options.seconds, steps)
    report.write(done, options.out)
    if options.docs:
        report.write_docs(done, DOCS)
    print(options.out / "index.html")
    return done.passed, done.verdict


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Load]:
    """The service at the given host, or one started for the test, once it has made a picture."""
    with ExitStack() as stack:
        host, key, pictures = options.host, options.key, ""
        if host is None:
            key = secrets.token_urlsafe()
            folder = stack.enter_context(TemporaryDirectory(prefix="superimpose-loadtest-"))
            host = stack.enter_context(up(Path(folder), key=key)).url
            pictures = stack.enter_context(serving(find))
        elif options.pictures:
            pictures = stack.enter_context(serving(find, *options.pictures))
        with Target(host, key) as target:
            urls = placed(
                lambda files: [f"{pictures}/{name}" for name in files] if pictures else target.upload(files)
            )
            target.try_out(mix.request(urls))
        yield Load(host, key, options.out.absolute(), urls)
