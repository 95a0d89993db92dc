"""Caches fetched pictures for as long as their servers allow.

A picture that was fetched or revalidated after a request was accepted serves that request without another
revalidation, since it is no older than the request. So the server is asked once for all requests that wait.

A `public` response is cached for all API keys, any other only for the key that it was fetched for, and
without a key not at all.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from compositor import File, Unread
from worker.fetch.directory import BoundedDirectory
from worker.fetch.freshness import (
    Fields,
    Revalidation,
    deciding_fields,
    freshened,
    revalidation_of,
    serves_earlier_requests,
    storable,
)
from worker.fetch.response import Reserve

MAX_AGE_S = 86_400
"""Older pictures are fetched again, whatever their servers allow. This bounds how long the pictures that a
compromised process wrote are used."""

HEAD_STEP = 256  # bytes

CACHING_HEADERS = {"cache-control", "expires", "etag", "last-modified"}
"""A response without any of these cannot be stored; hishel needs half the time of a fetch to decide that."""

IsDecoded = Callable[[str, bytes], bool]
"""Whether the decoded pixels of an owner's file, by its SHA-256, are cached, so that it need not be read."""


class FetchContext(NamedTuple):
    """The API key and the acceptance time of the request that a picture is fetched for."""

    owner: str
    accepted_at: float
    reserve: Reserve
    is_decoded: IsDecoded | None


class Gone(Exception):
    """The file of an unread body was deleted or replaced."""


About = Mapping[str, object]  # the head of a file, without `fields`

ALL = ""
"""The owner of entries that are shared by all API keys."""


@dataclass(frozen=True)
class Cached:
    """A picture, the name and head of its file, and its revalidation, or None while it is fresh.

    `is_shareable`: whether it may serve requests that were accepted later, too.
    """

    name: str
    head: bytes
    file: File
    revalidation: Revalidation | None
    is_shareable: bool = True

    @property
    def is_fresh(self) -> bool:
        return self.revalidation is None

    @property
    def conditions(self) -> Mapping[str, str]:
        return self.revalidation.request.headers if self.revalidation else {}


class HttpCache:
    """Bodies by URL and owner. A body that cannot be read or written is not an error: it is fetched.

    `scope`: everything but the URL that affects a fetch, such as the rules. A body is only found under the
    scope in which it was stored, so the current rules allow its URL; only the host is not looked up again.
    `hits` counts reused bodies, `misses` fetched ones. All times are in seconds since the epoch.
    """

    def __init__(self, files: BoundedDirectory, scope: str) -> None:
        self.hits = 0
        self.misses = 0
        self._files = files
        self._scope = scope
        self._counting = Lock()

    def find(self, url: str, context: FetchContext) -> Cached | None:
        """The picture cached for the owner or for all, a fresh one if any. Raises the errors of `reserve`."""
        found = [cached for each in _owners(context.owner) if (cached := self._read(each, url, context))]
        best = min(found, key=lambda cached: not cached.is_fresh, default=None)
        if best and best.is_fresh:
            self._hit()
        return best

    def store(self, url: str, owner: str, headers: Mapping[str, str], file: File, asked_at: float) -> None:
        """Store the body of a 200 that just arrived, if its `headers` allow it."""
        with self._counting:
            self.misses += 1
        now = time.time()
        if "set-cookie" not in headers and not CACHING_HEADERS.isdisjoint(headers):
            about = _about(now, file.digest.hex(), asked_at)
            self._write(url, owner, deciding_fields(headers, now), about, file)

    def refresh(
        self, url: str, owner: str, cached: Cached, headers: Mapping[str, str], asked_at: float
    ) -> bool:
        """Update `cached` by a 304; False if it is for another picture or cannot be stored."""
        if cached.revalidation is None:
            return False
        fields = freshened(cached.revalidation, deciding_fields(headers, time.time()))
        if fields is None:
            return False
        head = json.loads(cached.head)
        about = _about(head["since"], head.get("sha256") or cached.file.digest.hex(), asked_at)
        if not self._write(url, owner, fields, about, cached.file, cached):
            return False
        self._hit()
        return True

    def _hit(self) -> None:
        with self._counting:
            self.hits += 1

    def _read(self, owner: str, url: str, context: FetchContext) -> Cached | None:
        name = self._name(owner, url)
        with self._files.opened(name) as entry:
            if entry is None:
                return None
            head, now = json.loads(entry.head), time.time()
            if not 0 <= now - head["since"] < MAX_AGE_S:
                return None
            digest = bytes.fromhex(head.get("sha256", ""))  # older versions wrote neither it nor `asked_ms`
            if digest and context.is_decoded and context.is_decoded(context.owner, digest):
                file: File = Unread(digest, partial(self._read_body, name, digest))
            elif (body := entry.body(context.reserve)) is None:
                return None
            else:
                file = File(body)
        fields, asked_at = head["fields"], head.get("asked_ms", 0) / 1000
        if context.accepted_at <= asked_at <= now and serves_earlier_requests(fields):
            return Cached(name, entry.head, file, None, is_shareable=False)
        return Cached(name, entry.head, file, revalidation_of(fields, shared=owner == ALL))

    def _read_body(self, name: str, digest: bytes) -> bytes:
        with self._files.opened(name) as entry:
            body = entry.body() if entry else None
        if body is None or sha256(body).digest() != digest:
            raise Gone
        return body

    def _write(
        self, url: str, owner: str, fields: Fields, about: About, file: File, cached: Cached | None = None
    ) -> bool:
        """Replace only the head of the file of `cached`, if the length of the head is unchanged.

        False if the whole file has to be written and its body has not been read.
        """
        for each in _owners(owner):
            if each == ALL and not _is_public(fields):
                continue
            allowed = storable(fields, shared=each == ALL)
            if allowed is not None:
                name = self._name(each, url)
                head = _padded(json.dumps({**about, "fields": allowed}).encode())
                if cached and cached.name == name and self._files.replace_head(name, cached.head, head):
                    return True
                if isinstance(file, Unread):
                    return False
                self._files.write(name, head, file.data)
                return True
        return True

    def _name(self, owner: str, url: str) -> str:
        """A digest, because a URL may be a secret."""
        return sha256(repr((self._scope, owner, owner == ALL, url)).encode()).hexdigest()


def _about(since: float, digest: str, asked_at: float) -> About:
    """When a body was fetched, its SHA-256 in hex, and when its server was last asked about it."""
    asked_ms = int(1000 * asked_at)  # an integer, to keep the length of the head
    return {"since": since, "asked_ms": asked_ms, "sha256": digest}


def _padded(head: bytes) -> bytes:
    """Padded to a multiple of `HEAD_STEP`, so that `replace_head` rarely meets another length."""
    return head.ljust(-(-len(head) // HEAD_STEP) * HEAD_STEP)


def _owners(owner: str) -> Sequence[str]:
    """Whose entries a fetch for `owner` may use."""
    return (ALL, owner) if owner else (ALL,)


def _is_public(fields: Fields) -> bool:
    """Whether `public` is a directive; False if any directive has a quoted value."""
    directives = fields.get("cache-control", "").lower()
    return '"' not in directives and "public" in map(str.strip, directives.split(","))
