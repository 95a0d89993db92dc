"""Measures the capacity of a service with increasing numbers of clients, and writes a report.

Exit status 0 if no request failed, 2 for an invalid command line, else 1, with one line that says why.
"""

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn
from urllib.parse import urlsplit

from benchmarks.harness.figures import DOCS
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import CannotStart
from benchmarks.harness.servers import file_server
from benchmarks.harness.service import up
from loadtest import mix
from loadtest.pictures import Urls, find, place_pictures
from loadtest.samples import Step, read, step
from loadtest.target import Target, Unusable, one_line

MAX_CLIENTS = 1000
MIN_SECONDS, MAX_SECONDS = 2, 600
START_S = 30
DRAIN_S = 10  # for requests submitted before the end of a step


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
        passed, verdict = False, "interrupted, no report was written"
    print(f"loadtest: {verdict}", file=sys.stdout if passed else sys.stderr)
    return 0 if passed else 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """`host` is None if a service should be started."""
    parser = _Parser(prog="python -m benchmarks loadtest", description="Load a service, and report.")
    add = parser.add_argument
    add("--host", type=_origin, help="the service, http://name:port [one is started]")
    add("--key", default=os.environ.get("KEY", ""), help="its API key [variable KEY, hidden from others]")
    add("--clients", type=_clients, default="1,2,4,8,16,32", help="clients of each step [%(default)s]")
    add("--seconds", type=_seconds, default="15", help="duration of a step [%(default)s]")
    from_here = "with --host: serve the pictures at http://address-of-this-machine:port [upload them]"
    add("--pictures", type=_address, help=from_here)
    add("--out", type=Path, default="loadtest-report", help="directory [%(default)s]")
    add("--docs", action="store_true", help="write docs/PERFORMANCE.md and its plots too")
    options = parser.parse_args(arguments)
    if options.host and not options.key:
        parser.error("--host needs a key of that service: KEY=...; `superimpose keys create` makes one")
    if options.pictures and not options.host:
        parser.error("--pictures is for --host; a service started for the test fetches from loopback")
    return options


def _origin(text: str, example: str = "http://127.0.0.1:8000") -> str:
    try:
        url = urlsplit(text)
        is_invalid = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc or url.port == 0
    except ValueError:
        is_invalid = True
    if is_invalid or url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError(f"must look like {example}, not {text!r}")
    return f"{url.scheme}://{url.netloc}"


def _address(text: str) -> tuple[str, int]:
    example = "http://192.0.2.7:9000"
    url = urlsplit(_origin(text, example))
    if url.scheme != "http" or not url.hostname or url.port is None:
        raise argparse.ArgumentTypeError(f"must look like {example}, not {text!r}")
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
    """Run the steps and write the report; returns whether the test passed, and the verdict."""
    for module in ("locust", "matplotlib"):
        if find_spec(module) is None:
            raise Unusable(f"{module} is missing: `make loadtest` installs it")
    options.out.mkdir(parents=True, exist_ok=True)
    steps: list[Step] = []
    with prepared(options) as (host, key, pictures):
        print(f"{host}: {len(options.clients)} steps of {options.seconds} s", flush=True)
        for clients in options.clients:
            steps.append(run_step(host, key, pictures, clients, options.seconds, options.out.absolute()))
            print(steps[-1], flush=True)
            if steps[-1].overrun:
                break
    from loadtest import report  # matplotlib is slow to import

    finished = report.Report(report.facts(options.host), options.seconds, steps)
    report.write(finished, options.out)
    if options.docs:
        report.write_docs(finished, DOCS)
    print(options.out / "index.html")
    return finished.passed, finished.verdict


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[tuple[str, str, Urls]]:
    """Host, key and pictures of the service given or started here, which has rendered a first picture."""
    with ExitStack() as stack:
        host, key, pictures = options.host, options.key, ""
        if host is None:
            key = secrets.token_urlsafe()
            folder = stack.enter_context(TemporaryDirectory(prefix="superimpose-loadtest-"))
            host = stack.enter_context(up(Path(folder), key=key)).url
            pictures = stack.enter_context(file_server(find))
        elif options.pictures:
            pictures = stack.enter_context(file_server(find, *options.pictures))
        with Target(host, key) as target:
            urls = place_pictures(
                lambda files: [f"{pictures}/{name}" for name in files] if pictures else target.upload(files)
            )
            target.check(*mix.request(urls))
        yield host, key, urls


def run_step(host: str, key: str, pictures: Urls, clients: int, seconds: int, reports: Path) -> Step:
    """Load the service with Locust, in a process of its own because it patches the standard library.

    Locust's own report goes into `reports`. Raises `Unusable`.
    """
    options = {
        "locustfile": Path(__file__).with_name("locustfile.py"),
        "host": host,
        **{role: ",".join(urls) for role, urls in pictures._asdict().items()},
        "users": clients,
        "spawn-rate": clients,
        "run-time": f"{seconds}s",
        "stop-timeout": f"{DRAIN_S}s",
        "html": reports / f"locust-{clients}.html",
        "exit-code-on-error": 0,  # errors go into our report
        "loglevel": "WARNING",
    }
    with TemporaryDirectory() as folder:
        samples = Path(folder, "samples")
        arguments = [f"--{name}={value}" for name, value in {**options, "samples": samples}.items()]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "locust", "--headless", *arguments],
                cwd=ROOT,
                env=os.environ | {"KEY": key},  # not an argument, which other users could see
                capture_output=True,
                text=True,
                timeout=START_S + seconds + DRAIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unusable(f"Locust with {clients} clients did not end") from None
        if done.returncode:
            raise Unusable(f"Locust ended with {done.returncode}: {one_line(done.stderr[-300:])}")
        return step(clients, seconds, read(samples))
