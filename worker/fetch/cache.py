"""Pictures that were fetched before, for as long as their servers let them be used again.

One that was fetched or asked about after a request was made is used for that request without asking: it is
what the server had no earlier than then. So for requests that wait together a server is asked once.

What a server calls `public` is cached for all, anything else for the API key that it was fetched for, and
without a key not at all.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from compositor import File, Unread
from worker.fetch.answers import Reserve
from worker.fetch.directory import BoundedDirectory
from worker.fetch.freshness import (
    Fields,
    Question,
    question_about,
    received,
    renewed,
    serves_requests_before,
    storable,
)

LONGEST_S = 86_400
"""A picture older than a day is fetched whole again, whatever its server allows. This bounds how long the
pictures of a process that was taken over are used."""


HEAD_STEP = 256  # bytes

SAYS_HOW_LONG = {"cache-control", "expires", "etag", "last-modified"}
"""Without any of these nothing may be kept; to have hishel find that takes as long as half a fetch."""


IsDecoded = Callable[[str, bytes], bool]
"""Whether an owner's file, by its SHA-256, need not be read."""


class For(NamedTuple):
    """Whom a picture is fetched for: an API key, for a request that was made at a time, in a job's room."""

    owner: str
    made_at: float
    reserve: Reserve
    is_decoded: IsDecoded | None


class Gone(Exception):
    """What was not read at once is not kept any longer, or is another picture now."""


class Zone(NamedTuple):
    """Whose a cached picture is: one key's, or shared by all."""

    owner: str
    shared: bool


ALL = Zone("", shared=True)


class Body(NamedTuple):
    """Since when there is one, its SHA-256 in hex, and when its server was asked about it last."""

    since: float
    sha256: str
    asked_at: float


@dataclass(frozen=True)
class Kept:
    """A picture and its file's name and head; what to ask its server first, or None where it is fresh.

    `serves_later`: requests that were made later, too.
    """

    name: str
    head: bytes
    file: File
    question: Question | None
    serves_later: bool = True

    @property
    def is_fresh(self) -> bool:
        return self.question is None

    @property
    def conditions(self) -> Mapping[str, str]:
        """The header fields that make a request the question."""
        return self.question.request.headers if self.question else {}


class HttpCache:
    """Bodies by URL and owner. What cannot be read or kept is no error: it is fetched.

    `scope` is the rules and all else that decides about a fetch but the URL. Under another one nothing is
    found again, so what is found came from where it may come from now; only names are not looked up again.
    `hits` counts what was used again, `misses` what arrived whole. All times are in seconds since the epoch.
    """

    def __init__(self, files: BoundedDirectory, scope: str) -> None:
        self.hits = 0
        self.misses = 0
        self._files = files
        self._scope = scope
        self._counting = Lock()

    def find(self, url: str, whom: For) -> Kept | None:
        """What is kept for an owner or for all, preferably fresh. Raises what `whom.reserve` raises."""
        found = [kept for zone in _zones(whom.owner) if (kept := self._read(zone, url, whom))]
        best = min(found, key=lambda kept: not kept.is_fresh, default=None)
        if best and best.is_fresh:
            self._hit()
        return best

    def keep(self, url: str, owner: str, headers: Mapping[str, str], file: File, asked_at: float) -> None:
        """Keep the body of a 200 that just arrived with `headers`, if they allow it."""
        with self._counting:
            self.misses += 1
        now = time.time()
        if "set-cookie" not in headers and not SAYS_HOW_LONG.isdisjoint(headers):
            self._write(url, owner, received(headers, now), Body(now, file.digest.hex(), asked_at), file)

    def renew(self, url: str, owner: str, kept: Kept, headers: Mapping[str, str], asked_at: float) -> bool:
        """Update `kept` by a 304 with `headers`; False if it is about another one, or cannot be kept."""
        fields = renewed(kept.question, received(headers, time.time())) if kept.question else None
        if fields is None:
            return False
        head = json.loads(kept.head)
        body = Body(head["since"], head.get("sha256") or kept.file.digest.hex(), asked_at)
        if not self._write(url, owner, fields, body, kept.file, kept):
            return False
        self._hit()
        return True

    def _hit(self) -> None:
        with self._counting:
            self.hits += 1

    def _read(self, zone: Zone, url: str, whom: For) -> Kept | None:
        name = self._name(zone, url)
        with self._files.opened(name) as entry:
            if entry is None:
                return None
            head, now = json.loads(entry.head), time.time()
            if not 0 <= now - head["since"] < LONGEST_S:
                return None
            digest = bytes.fromhex(head.get("sha256", ""))  # former versions wrote none, and no `asked_ms`
            if digest and whom.is_decoded and whom.is_decoded(whom.owner, digest):
                file: File = Unread(digest, partial(self._body, name, digest))
            elif (body := entry.body(whom.reserve)) is None:
                return None
            else:
                file = File(body)
        fields, asked_at = head["fields"], head.get("asked_ms", 0) / 1000
        if whom.made_at <= asked_at <= now and serves_requests_before(fields):
            return Kept(name, entry.head, file, None, serves_later=False)
        return Kept(name, entry.head, file, question_about(fields, shared=zone.shared))

    def _body(self, name: str, digest: bytes) -> bytes:
        with self._files.opened(name) as entry:
            body = entry.body() if entry else None
        if body is None or sha256(body).digest() != digest:
            raise Gone
        return body

    def _write(
        self, url: str, owner: str, fields: Fields, body: Body, file: File, kept: Kept | None = None
    ) -> bool:
        """Of what is `kept` already the head alone, wherever that is as long as before.

        False where it is not, and the body is not at hand.
        """
        for zone in _zones(owner):
            if zone.shared and not _is_public(fields):
                continue
            allowed = storable(fields, shared=zone.shared)
            if allowed is not None:
                name = self._name(zone, url)
                asked_ms = int(1000 * body.asked_at)  # as long as that before, for `replace_head`
                said = {"since": body.since, "asked_ms": asked_ms, "sha256": body.sha256}
                head = _padded(json.dumps(said | {"fields": allowed}).encode())
                if kept and kept.name == name and self._files.replace_head(name, kept.head, head):
                    return True
                if isinstance(file, Unread):
                    return False
                self._files.write(name, head, file.data)
                return True
        return True

    def _name(self, zone: Zone, url: str) -> str:
        """A digest, because a URL may be a secret."""
        return sha256(repr((self._scope, *zone, url)).encode()).hexdigest()


def _padded(head: bytes) -> bytes:
    """As long as others of about its length, for `replace_head`."""
    return head.ljust(-(-len(head) // HEAD_STEP) * HEAD_STEP)


def _zones(owner: str) -> Iterator[Zone]:
    yield ALL
    if owner:
        yield Zone(owner, shared=False)


def _is_public(fields: Fields) -> bool:
    """Whether `public` is a directive; False wherever a directive has a quoted value."""
    directives = fields.get("cache-control", "").lower()
    return '"' not in directives and "public" in map(str.strip, directives.split(","))
