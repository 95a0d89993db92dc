"""Finds the server and its API key."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

import typer

from cli.serve.up_file import running_up

DEFAULT = "http://127.0.0.1:8000"

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="SUPERIMPOSE_SERVER",
        metavar="URL",
        show_default=f"the `up` that runs in this folder, else {DEFAULT}",
        help="The API's address.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="SUPERIMPOSE_API_KEY",
        metavar="KEY",
        show_default="for a server on this machine, the key that `up` created",
        help="API key.",
    ),
]


@dataclass(frozen=True)
class Server:
    """The origin of an API; `is_here` if it is on this machine."""

    url: str
    is_here: bool

    @classmethod
    def find(cls, given: str | None) -> Self:
        """The given server, else the `up` of this folder, else the default."""
        up = None if given else running_up(_data_dir())
        return cls.parse(given or (up.url if up else DEFAULT))

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            parts = urlsplit(text)
            host, fits = parts.hostname or "", parts.port != 0 and parts.scheme in ("http", "https")
        except ValueError:
            host, fits = "", False
        if not host or not fits or "@" in parts.netloc or parts.path.strip("/") or parts.query:
            raise typer.BadParameter("must be http(s)://HOST:PORT without a path", param_hint="--server")
        return cls(f"{parts.scheme}://{parts.netloc}", _is_loopback(host))


def find_key(given: str | None, server: Server) -> str:
    """The given key, else the one that `up` created, which is never sent to another machine."""
    key = (given or "").strip()
    if not key and server.is_here:
        try:
            key = (_data_dir() / "dev-api-key").read_text().strip()
        except (OSError, ValueError):
            key = ""
    if not key:
        raise typer.BadParameter("no API key: set SUPERIMPOSE_API_KEY, or give --key", param_hint="--key")
    if not (key.isascii() and key.isprintable()):
        raise typer.BadParameter("is not an API key: it has characters that no key has", param_hint="--key")
    return key


def _data_dir() -> Path:
    return Path(os.environ.get("SUPERIMPOSE_DATA_DIR") or "data")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
