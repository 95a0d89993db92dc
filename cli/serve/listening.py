"""Listening sockets. Several API processes may accept from one: an idle one takes the next connection."""

import socket
from contextlib import ExitStack


class CannotListen(Exception):
    """The address cannot be listened on; the text says what to do."""


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to this address, not listening yet. Raises `CannotListen`."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as closed_on_error:
            bound = closed_on_error.enter_context(socket.socket(family, socket.SOCK_STREAM))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            closed_on_error.pop_all()
    except OSError as error:
        other = "--host" if isinstance(error, socket.gaierror) else "--port"
        raise CannotListen(
            f"cannot listen on {host}:{port} ({error.strerror}): give another {other}"
        ) from None
    return bound


def local_url(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
