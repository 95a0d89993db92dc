"""Who calls and whether they may call now: API key and rate limit in one atomic step.

The step is a script of ours and not the `limits` library, whose scripts each need a round trip of their own
and whose moving window trusts the clocks of the API's hosts; this one uses Redis's clock alone.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs import keyspace
from jobs.api_keys import Scope
from jobs.even_when_full import EVEN_WHEN_FULL
from jobs.key_text import digest
from jobs.rates import Rate
from jobs.settings import Settings

SCRIPT = EVEN_WHEN_FULL + keyspace.lua() + Path(__file__).with_name("admission.lua").read_text()


class Bucket(StrEnum):
    """What is limited, each apart, so that submits never starve polls."""

    SUBMIT = "submit"
    READ = "read"
    UPLOAD = "upload"
    PICTURE = "picture"
    """Needs no key: the name of a picture is the secret."""
    ANONYMOUS = "anonymous"
    """Everything else that comes without a valid key, by address."""


@dataclass(frozen=True)
class Limit:
    """A bucket after this call; times in seconds. `wait_s` is 0 if the call is within the limit."""

    bucket: Bucket
    rate: Rate
    remaining: int
    wait_s: float
    full_in_s: float


@dataclass(frozen=True)
class Caller:
    """A valid key; `credits` before this call, None: unlimited."""

    key_id: str
    scopes: frozenset[Scope]
    credits: int | None


@dataclass(frozen=True)
class Admission:
    """What the step found; no `caller` without a valid key, no `limit` where none is set."""

    caller: Caller | None
    limit: Limit | None


@dataclass(frozen=True)
class Call:
    """A call to be admitted: the text presented as key (or ""), the client's address, the bucket."""

    presented: str
    address: str
    bucket: Bucket

    @property
    def anonymous_bucket(self) -> Bucket:
        """The bucket of the address, if the key is not valid: a picture needs none, a guess counts as one."""
        wants_picture = self.bucket is Bucket.PICTURE and not self.presented
        return Bucket.PICTURE if wants_picture else Bucket.ANONYMOUS

    def script_arguments(self, settings: Settings) -> tuple[list[str], list[str | int]]:
        """Keys and arguments of the script."""
        keys = [
            keyspace.key_digest(digest(self.presented)),
            keyspace.bucket(self.anonymous_bucket, self.address),
        ]
        rates = [_rate_of(self.bucket, settings), _rate_of(self.anonymous_bucket, settings)]
        numbers = [number for rate in rates for number in (rate.count, rate.period_s * 1000)]
        return keys, [keyspace.api_key(""), keyspace.bucket(self.bucket, ""), self.bucket, *numbers]

    def admission(self, answer: Sequence[bytes | int]) -> Admission:
        """Read the script's answer."""
        caller = self._caller(answer[6:])
        bucket = self.bucket if caller else self.anonymous_bucket
        _, count, period_ms, remaining, wait_ms, full_in_ms = map(int, answer[:6])
        limit = Limit(bucket, Rate(count, period_ms // 1000), remaining, wait_ms / 1000, full_in_ms / 1000)
        return Admission(caller, limit if count else None)

    def _caller(self, fields: Sequence[bytes | int]) -> Caller | None:
        if not fields:
            return None
        key_id, digests, scopes, credits = (field.decode() for field in fields if isinstance(field, bytes))
        if not any(hmac.compare_digest(kept, digest(self.presented)) for kept in digests.split()):
            return None
        return Caller(key_id, frozenset(map(Scope, scopes.split())), int(credits) if credits else None)


def _rate_of(bucket: Bucket, settings: Settings) -> Rate:
    match bucket:
        case Bucket.SUBMIT:
            return settings.rate_limit
        case Bucket.UPLOAD:
            return settings.rate_limit_uploads
        case Bucket.ANONYMOUS:
            return settings.rate_limit_anonymous
        case _:
            return settings.rate_limit_reads
