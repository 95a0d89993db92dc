"""The command line; what is wrong with it is one line and exit status 2."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

MAX_CLIENTS = 1000
MIN_SECONDS, MAX_SECONDS = 2, 600


@dataclass(frozen=True)
class LoadOptions:
    """One run. `host` None: start a service; `pictures`: address and port to serve them at."""

    host: str | None
    key: str
    clients: tuple[int, ...]
    seconds: int
    pictures: tuple[str, int] | None
    out: Path
    docs: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"loadtest: {message}\n")


def parse(arguments: Sequence[str]) -> LoadOptions:
    parser = _Parser(prog="python -m benchmarks loadtest", description="Load a service, and report.")
    parser.add_argument("--host", type=_origin, help="the service, http://name:port [one is started]")
    parser.add_argument(
        "--key", default=os.environ.get("KEY", ""), help="its API key [the variable KEY, which nobody sees]"
    )
    parser.add_argument(
        "--clients", type=_clients, default="1,2,4,8,16,32", help="of each step [%(default)s]"
    )
    parser.add_argument("--seconds", type=_seconds, default="15", help="of a step [%(default)s]")
    parser.add_argument(
        "--pictures",
        type=_address,
        help="with --host: where to serve the pictures, http://address-of-this-machine:port "
        "[they are uploaded to the service]",
    )
    parser.add_argument("--out", type=Path, default="loadtest-report", help="directory [%(default)s]")
    parser.add_argument("--docs", action="store_true", help="write docs/PERFORMANCE.md and its plots too")
    options = LoadOptions(**vars(parser.parse_args(arguments)))
    if options.host and not options.key:
        parser.error("--host needs a key of that service: KEY=...; `superimpose keys create` makes one")
    if options.pictures and not options.host:
        parser.error("--pictures is for a service given by --host; ours fetches them from loopback")
    return options


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        odd = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc or url.port == 0
    except ValueError:
        odd = True
    if odd or url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError(f"must look like http://127.0.0.1:8000, not {text!r}")
    return url


def _origin(text: str) -> str:
    url = _split(text)
    return f"{url.scheme}://{url.netloc}"


def _address(text: str) -> tuple[str, int]:
    url = _split(text)
    if url.scheme != "http" or not url.hostname or url.port is None:
        raise argparse.ArgumentTypeError(f"must look like http://192.0.2.7:9000, not {text!r}")
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
