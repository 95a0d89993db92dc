"""The picture store: inputs that came inline and all outputs, in a directory or a bucket.

`obstore` is the one interface to both: Rust, wheels for every platform, no dependencies of its own.
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
"""Of one call while a client waits: with its retries less than the 5 seconds a 502 may take."""

WORKER_TIMEOUT_S = 10.0  # of one call of a worker or a command, for which no client waits

RETRY_S = timedelta(seconds=0.5)
"""How long a failed call is repeated: one whose connection was dropped is, one that timed out is not."""

MAX_RETRIES = 3
BACKOFF: "BackoffConfig" = {"init_backoff": timedelta(seconds=0.05), "max_backoff": timedelta(seconds=0.2)}

VENDORS = {"s3": "AWS", "gs": "GOOGLE"}
"""What the names of a store's variables begin with, by the scheme of its URL."""

CLIENT_OPTIONS = (
    "allow_http",
    "allow_invalid_certificates",
    "http1_only",
    "http2_only",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "user_agent",
)
"""Of obstore's, those that operators set: `AWS_PROXY_URL` and so on."""

MINUTE = "%Y%m%dT%H%M"
"""Objects lie in folders named by the minute they expire in, so that a sweep drops whole folders."""

OUR_FOLDER = re.compile(r"(?:inputs|outputs|uploads)/(?P<minute>\d{8}T\d{4})/?", re.ASCII)
OUR_NAME = re.compile(r"[\w-]{32}|[0-9a-f]{64}", re.ASCII)
"""A token, or the SHA-256 of an upload. A sweep deletes nothing else: others may use the same bucket."""

NOT_THERE = (NotFoundError, FileNotFoundError)
"""What obstore raises where there is no such picture, or no such bucket."""

NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist")
"""What S3, Azure and Google Cloud Storage say of a bucket that is not there."""


class PictureGone(FileNotFoundError):
    """There is no picture at this path of the store: it was swept, or deleted."""


Kind = Literal["inputs", "outputs", "uploads"]


def new_token() -> str:
    """A public name nobody can guess: 192 bits, safe in URLs and paths."""
    return secrets.token_urlsafe(24)


class PictureStore:
    """Pictures by path. Every method but `new_path` raises `obstore.exceptions.BaseError` on trouble."""

    def __init__(self, open_store: Callable[[], ObjectStore]) -> None:
        self._open_store = open_store

    @cached_property
    def _store(self) -> ObjectStore:
        """Opened at its first use, so that a missing directory is an error of that use alone."""
        return self._open_store()

    @classmethod
    def open(cls, settings: Settings, timeout_s: float = WORKER_TIMEOUT_S) -> "PictureStore":
        """The store that the settings name; a local directory is made if it is not there.

        A call to a bucket takes at most `timeout_s` and `RETRY_S`, then it raises.
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
        """Where a picture goes that may be swept after `expires_at` (seconds since the epoch)."""
        return f"{kind}/{datetime.fromtimestamp(expires_at, UTC).strftime(MINUTE)}/{token}"

    def put(self, path: str, data: bytes, content_type: str | None = None) -> None:
        """Write or overwrite a whole picture; readers see all of it or the old one.

        A bucket serves it with the type; a directory keeps none.
        """
        with _needing_a_bucket():
            obstore.put(self._store, path, data, attributes=self._attributes(content_type))
        if isinstance(self._store, LocalStore) and self._store.prefix:
            start_writeback(self._store.prefix / path)

    def put_all(self, pictures: Sequence[tuple[str, bytes, str | None]]) -> None:
        """`put` each of these; into a bucket at the same time, so that all have the time limit of one.

        Where one fails, others may have been written.
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

        with _needing_a_bucket():
            asyncio.run(put_each())

    def _attributes(self, content_type: str | None) -> "Attributes":
        if content_type is None or isinstance(self._store, LocalStore):
            return {}
        return {"Content-Type": content_type}

    def get(self, path: str, reserve: Callable[[int], None] = lambda _: None) -> bytes:
        """Read a whole picture, once `reserve` has been called with its size. Raises `PictureGone`."""
        try:
            found = obstore.get(self._store, path)
            reserve(found.meta["size"])
            return bytes(found.bytes())
        except NOT_THERE as error:
            raise _no_bucket(error) if NO_BUCKET.search(str(error)) else PictureGone(path) from error

    def copy(self, path: str, to: str) -> None:
        """A picture again at another path, without its bytes coming here. Raises `PictureGone`."""
        try:
            obstore.copy(self._store, path, to)
        except NOT_THERE as error:
            raise _no_bucket(error) if NO_BUCKET.search(str(error)) else PictureGone(path) from error

    async def get_range(self, path: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (exclusive). Raises `PictureGone`."""
        try:
            return bytes(await obstore.get_range_async(self._store, path, start=start, end=end))
        except NOT_THERE as error:
            raise _no_bucket(error) if NO_BUCKET.search(str(error)) else PictureGone(path) from error

    async def try_to_write(self) -> bool:
        """Overwrite one small object that is never read; True."""
        with _needing_a_bucket():
            await obstore.put_async(self._store, "writable", b"yes")
        return True

    async def signed_url(self, path: str, seconds: int) -> str:
        """A URL from which anybody may fetch a picture for a while; a directory has none."""
        bucket = cast(AzureStore | GCSStore | S3Store, self._store)
        return await obstore.sign_async(bucket, "GET", path, timedelta(seconds=seconds))

    def discard(self, paths: Sequence[str]) -> None:
        """Delete pictures without references; if the store fails, a sweep will."""
        try:
            self.delete(paths)
        except BaseError as error:
            log.warning("%d pictures are left to be swept: %s", len(paths), error)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete these pictures; one that is not there is no trouble."""
        for path in paths:
            with contextlib.suppress(*NOT_THERE):
                obstore.delete(self._store, path)

    def sweep(self, now: float) -> int:
        """Delete everything whose minute is over at `now`; returns how many pictures went."""
        this_minute = datetime.fromtimestamp(now, UTC).strftime(MINUTE)
        gone = 0
        for kind in get_args(Kind):
            folders = obstore.list_with_delimiter(self._store, f"{kind}/")["common_prefixes"]
            for folder in folders:
                ours = OUR_FOLDER.fullmatch(folder)
                if ours and ours["minute"] < this_minute:
                    gone += self._delete_folder(folder)
        return gone

    def _delete_folder(self, folder: str) -> int:
        listed = obstore.list_with_delimiter(self._store, folder)["objects"]
        paths = [entry["path"] for entry in listed if OUR_NAME.fullmatch(entry["path"].rpartition("/")[2])]
        if paths:
            obstore.delete(self._store, paths)
        return len(paths)


@contextlib.contextmanager
def _needing_a_bucket() -> Iterator[None]:
    """A write that finds nothing there lacks its bucket."""
    try:
        yield
    except NOT_THERE as error:
        raise _no_bucket(error) from error


def _no_bucket(error: Exception) -> GenericError:
    return GenericError(f"the bucket that SUPERIMPOSE_STORAGE_URL names is not there: {error}")


def _directory(url: str) -> LocalStore:
    try:
        return LocalStore.from_url(url, automatic_cleanup=True, mkdir=True)
    except OSError as error:
        raise GenericError(f"the directory of pictures cannot be used: {error}") from error


def _client_options(url: str, limit: timedelta) -> "ClientConfig":
    """The options of the vendor's variables, which options given here would replace, and our limits."""
    vendor = VENDORS.get(urlsplit(url).scheme, "AZURE")
    named = {name: os.environ.get(f"{vendor}_{name.upper()}") for name in CLIENT_OPTIONS}
    options = {name: value for name, value in named.items() if value}
    return cast("ClientConfig", {**options, "connect_timeout": limit, "timeout": limit})
