"""The picture store: inline inputs, uploads and results, in a directory or a bucket.

`obstore` is the interface to both: Rust, wheels for every platform, no dependencies of its own.
"""

import asyncio
import contextlib
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, cast, get_args
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, GenericError, NotFoundError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store, from_url

from jobs.config.settings import Settings
from jobs.pictures.writeback import start_writeback

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import BackoffConfig, ClientConfig

log = logging.getLogger("superimpose.store")

API_TIMEOUT_S = 3.5
"""Of a call while a client waits: with retries less than the 5 seconds within which a 502 is sent."""

WORKER_TIMEOUT_S = 10.0  # of a call of a worker or a command, while no client waits

RETRY_S = timedelta(seconds=0.5)
"""How long a failed call is repeated: after a dropped connection, but not after a timeout."""

MAX_RETRIES = 3
BACKOFF: "BackoffConfig" = {"init_backoff": timedelta(seconds=0.05), "max_backoff": timedelta(seconds=0.2)}

VENDORS = {"s3": "AWS", "gs": "GOOGLE"}
"""The prefixes of a store's environment variables, by the scheme of its URL."""

CLIENT_OPTIONS = (
    *("allow_http", "allow_invalid_certificates", "http1_only", "http2_only", "user_agent"),
    *("pool_idle_timeout", "pool_max_idle_per_host", "proxy_ca_certificate", "proxy_excludes", "proxy_url"),
)
"""The options of obstore that operators may set, as `AWS_PROXY_URL` and so on."""

MINUTE = "%Y%m%dT%H%M"
"""Folders are named by the minute in which their objects expire, so that a sweep deletes whole folders."""

OUR_FOLDER = re.compile(r"(?:inputs|outputs|uploads)/(?P<minute>\d{8}T\d{4})/?", re.ASCII)
OUR_NAME = re.compile(r"[\w-]{32}|[0-9a-f]{64}", re.ASCII)
"""A token, or the SHA-256 of an upload. A sweep deletes nothing else, as the bucket may be shared."""

NOT_FOUND = (NotFoundError, FileNotFoundError)
"""The errors of obstore for a picture or a bucket that does not exist."""

NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist")
"""In the errors of S3, Azure and Google Cloud Storage for a bucket that does not exist."""


class PictureGone(FileNotFoundError):
    """There is no picture at this path of the store: it was swept or deleted."""


Kind = Literal["inputs", "outputs", "uploads"]


def reason_of(error: Exception) -> str:
    """The message of `error` in one line, without the dump of structures that obstore appends."""
    return " ".join(str(error).partition("\n\nDebug source:")[0].split())


def new_token() -> str:
    """A public name that nobody can guess: 192 bits, safe in URLs and paths."""
    return secrets.token_urlsafe(24)


class PictureStore:
    """Pictures by path. All methods but `new_path` raise `obstore.exceptions.BaseError`."""

    def __init__(self, open_store: Callable[[], ObjectStore]) -> None:
        self._open_store = open_store

    @cached_property
    def _store(self) -> ObjectStore:
        """Opened at first use, so that an unusable directory is an error of that use."""
        return self._open_store()

    @classmethod
    def open(cls, settings: Settings, timeout_s: float = WORKER_TIMEOUT_S) -> "PictureStore":
        """Open the store of the settings; a missing local directory is created.

        A call to a bucket raises after at most `timeout_s` plus `RETRY_S`.
        """
        url = settings.effective_storage_url
        if url.startswith("file://"):
            return cls(partial(_directory, url))
        limit = timedelta(seconds=timeout_s)
        bucket = from_url(
            url,
            client_options=_client_options(url, limit),
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_S, "backoff": BACKOFF},
        )
        return cls(lambda: bucket)

    @staticmethod
    def new_path(kind: Kind, token: str, expires_at: float) -> str:
        """The path of a picture that may be swept after `expires_at` (seconds since the epoch)."""
        return f"{kind}/{datetime.fromtimestamp(expires_at, UTC).strftime(MINUTE)}/{token}"

    def put(self, path: str, data: bytes, content_type: str | None = None) -> None:
        """Write or overwrite a picture atomically; a directory does not store its content type."""
        with _writing():
            obstore.put(self._store, path, data, attributes=self._attributes(content_type))
        if isinstance(self._store, LocalStore) and self._store.prefix:
            start_writeback(self._store.prefix / path)

    def put_all(self, pictures: Sequence[tuple[str, bytes, str | None]]) -> None:
        """`put` several pictures, into a bucket concurrently, so that they take the time limit of one.

        If one fails, others may have been written.
        """
        if isinstance(self._store, LocalStore) or len(pictures) == 1:
            for picture in pictures:
                self.put(*picture)
            return

        async def put_each() -> None:
            await asyncio.gather(
                *(
                    obstore.put_async(self._store, path, data, attributes=self._attributes(content_type))
                    for path, data, content_type in pictures
                )
            )

        with _writing():
            asyncio.run(put_each())

    def _attributes(self, content_type: str | None) -> "Attributes":
        if content_type is None or isinstance(self._store, LocalStore):
            return {}
        return {"Content-Type": content_type}

    def get(self, path: str, reserve: Callable[[int], None] = lambda _: None) -> bytes:
        """Read a picture, after calling `reserve` with its size. Raises `PictureGone`."""
        with _reading(path):
            found = obstore.get(self._store, path)
            reserve(found.meta["size"])
            return bytes(found.bytes())

    def copy(self, path: str, to: str) -> None:
        """Copy a picture within the store, without transferring its bytes here. Raises `PictureGone`."""
        with _reading(path):
            obstore.copy(self._store, path, to)

    def get_range(self, path: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (exclusive). Raises `PictureGone`.

        For processes that exit soon after: a thread of obstore's asynchronous calls may abort them
        (PyO3/pyo3-async-runtimes#40).
        """
        with _reading(path):
            return bytes(obstore.get_range(self._store, path, start=start, end=end))

    async def get_range_async(self, path: str, start: int, end: int) -> bytes:
        """`get_range` without a thread of ours, so that a silent bucket takes none away."""
        with _reading(path):
            return bytes(await obstore.get_range_async(self._store, path, start=start, end=end))

    async def try_to_write(self) -> bool:
        """Overwrite one small object that is never read; returns True."""
        with _writing():
            await obstore.put_async(self._store, "writable", b"yes")
        return True

    async def signed_url(self, path: str, seconds: int) -> str:
        """A URL from which anybody may fetch a picture of a bucket for some seconds."""
        bucket = cast(AzureStore | GCSStore | S3Store, self._store)
        return await obstore.sign_async(bucket, "GET", path, timedelta(seconds=seconds))

    def discard(self, paths: Sequence[str]) -> None:
        """Delete unused pictures; if the store fails, a later sweep deletes them."""
        try:
            self.delete(paths)
        except BaseError as error:
            log.warning(
                "%d pictures could not be deleted and will be swept: %s", len(paths), reason_of(error)
            )

    def delete(self, paths: Sequence[str]) -> None:
        """Delete these pictures; missing ones are ignored."""
        for path in paths:
            with contextlib.suppress(*NOT_FOUND):
                obstore.delete(self._store, path)

    def sweep(self, now: float) -> int:
        """Delete the folders of all minutes before `now`; returns the number of deleted pictures."""
        this_minute = datetime.fromtimestamp(now, UTC).strftime(MINUTE)
        deleted = 0
        for kind in get_args(Kind):
            folders = obstore.list_with_delimiter(self._store, f"{kind}/")["common_prefixes"]
            for folder in folders:
                ours = OUR_FOLDER.fullmatch(folder)
                if ours and ours["minute"] < this_minute:
                    deleted += self._delete_folder(folder)
        return deleted

    def _delete_folder(self, folder: str) -> int:
        listed = obstore.list_with_delimiter(self._store, folder)["objects"]
        paths = [entry["path"] for entry in listed if OUR_NAME.fullmatch(entry["path"].rpartition("/")[2])]
        if paths:
            obstore.delete(self._store, paths)
        return len(paths)


@contextlib.contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except NOT_FOUND as error:
        raise _no_bucket(error) if NO_BUCKET.search(str(error)) else PictureGone(path) from error


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """ "Not found" in a write means that the bucket does not exist."""
    try:
        yield
    except NOT_FOUND as error:
        raise _no_bucket(error) from error


def _no_bucket(error: Exception) -> GenericError:
    return GenericError(f"the bucket of SUPERIMPOSE_STORAGE_URL does not exist: {error}")


def _directory(url: str) -> LocalStore:
    try:
        return LocalStore.from_url(url, automatic_cleanup=True, mkdir=True)
    except OSError as error:
        raise GenericError(f"the directory of pictures cannot be used: {error}") from error


def _client_options(url: str, limit: timedelta) -> "ClientConfig":
    """Our limits and the options of the vendor's variables, which our options would otherwise replace."""
    vendor = VENDORS.get(urlsplit(url).scheme, "AZURE")
    named = {name: os.environ.get(f"{vendor}_{name.upper()}") for name in CLIENT_OPTIONS}
    options = {name: value for name, value in named.items() if value}
    return cast("ClientConfig", {**options, "connect_timeout": limit, "timeout": limit})
