"""A bucket on a real S3 server on loopback.

boto3 and moto are loaded by what uses them: it takes a second, and every process of a run loads this.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from tests.in_thread import Handler, Server, in_thread


@dataclass(frozen=True)
class Bucket:
    """An empty bucket: its storage URL, and the environment that gives access to it."""

    url: str
    env: Mapping[str, str]
    accepted: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released at each connection to a silent server."""


@contextmanager
def silent(answer: bytes = b"") -> Iterator[Bucket]:
    """A bucket whose server reads but sends nothing, or one byte of `answer` every 0.2 seconds."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        bucket = Bucket("s3://silent/prefix", _access(f"http://127.0.0.1:{server.getsockname()[1]}"))
        threading.Thread(target=_accept, args=[server, answer, bucket.accepted], daemon=True).start()
        yield bucket
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def held(until: Callable[[], object]) -> Iterator[Bucket]:
    """A bucket that accepts each picture when `until` has returned, and discards it."""

    class Holding(Handler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            until()
            self.answer(ETag='"1"')

    with in_thread(Server(Holding)) as server:
        yield Bucket("s3://held/prefix", _access(server.url))


@contextmanager
def instance_metadata(requested: threading.Semaphore, until: Callable[[], object]) -> Iterator[str]:
    """The credentials endpoint of an AWS machine: releases `requested`, and responds once `until` returns."""
    expires = "2099-01-01T00:00:00Z"
    keys = {"AccessKeyId": "machine", "SecretAccessKey": "test", "Token": "t", "Expiration": expires}

    class Metadata(Handler):
        protocol_version = "HTTP/1.0"

        def do_PUT(self) -> None:
            self.answer(b"token")

        def do_GET(self) -> None:
            requested.release()
            until()
            self.answer(b"role" if self.path.endswith("/") else json.dumps(keys).encode())

    with in_thread(Server(Metadata)) as server:
        yield server.url


def _accept(server: socket.socket, answer: bytes, accepted: threading.Semaphore) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            accepted.release()
            threading.Thread(target=_trickle, args=[connection, answer], daemon=True).start()


def _trickle(connection: socket.socket, answer: bytes) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(0.2)
        left = iter(answer)
        while True:
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                connection.sendall(bytes([byte]) if (byte := next(left, None)) is not None else b"")


@contextmanager
def serving() -> Iterator[str]:
    """The URL of a running server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make_bucket(endpoint: str) -> Bucket:
    """A new bucket on the server at `endpoint`."""
    import boto3

    name = f"pictures-{uuid4()}"
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, **access)
    client.create_bucket(Bucket=name)
    client.close()
    return Bucket(f"s3://{name}/some/prefix", _access(endpoint))


def _access(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
