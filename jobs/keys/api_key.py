"""The record of an API key, and the options of a new one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.typing import EncodableT

from jobs.keys.key_rules import Scope
from jobs.keys.rates import Rate
from jobs.redis.hashes import RedisHash, as_text, seconds
from jobs.timefmt import rfc3339

ALL_SCOPES = frozenset(Scope)
NUMBERS = ("credits", "held", "spent", "weight", "webhook_generation")
TIMES = ("created_at", "expires_at", "last_used_at", "webhook_former_until")  # stored in ms


@dataclass(frozen=True)
class KeyOptions:
    """The options of a new key; `credits` None: unlimited; `rate` limits submits, None: the default.

    `weight` is the number of turns for each turn of a key of weight 1.
    """

    credits: int | None = None
    rate: Rate | None = None
    scopes: Collection[Scope] = ALL_SCOPES
    expires_in_s: float | None = None
    weight: int = 1


@dataclass(frozen=True)
class ApiKey:
    """The record of a key; times are seconds since the epoch.

    `credits` is the balance, `held` the credits reserved by unfinished requests, `spent` the cost of
    COMPLETED ones. `chosen`: its text comes from the settings. `webhook_generation` is the generation of its
    webhook secret; the previous one is also used until `webhook_former_until`.
    """

    key_id: str
    name: str
    created_at: float
    scopes: frozenset[str]
    credits: int | None = None
    held: int = 0
    spent: int = 0
    rate: Rate | None = None
    expires_at: float | None = None
    last_used_at: float | None = None
    digests: tuple[str, ...] = field(default=(), repr=False)
    chosen: bool = False
    weight: int = 1
    webhook_generation: int = 0
    webhook_former_until: float | None = None

    @classmethod
    def from_hash(cls, key_id: str, fields: RedisHash) -> "ApiKey | None":
        text = as_text(fields)
        if "name" not in text:
            return None
        numbers: dict[str, Any] = {name: int(text[name]) for name in NUMBERS if name in text}
        times: dict[str, Any] = {name: seconds(text, name) for name in TIMES}
        return cls(
            key_id=key_id,
            name=text["name"],
            scopes=frozenset(text["scopes"].split()),
            rate=_rate(text),
            digests=tuple(text["digests"].split()),
            chosen="chosen" in text,
            **numbers,
            **times,
        )

    def to_hash(self) -> dict[EncodableT, EncodableT]:
        times = {name: getattr(self, name) for name in TIMES}
        fields: dict[EncodableT, EncodableT | None] = {
            "name": self.name,
            "digests": " ".join(self.digests),
            "scopes": " ".join(sorted(self.scopes)),
            "count:submit": self.rate.count if self.rate else None,
            "period:submit": self.rate.period_s * 1000 if self.rate else None,
            **{name: getattr(self, name) for name in NUMBERS},
            **{name: None if at is None else round(at * 1000) for name, at in times.items()},
            "chosen": int(self.chosen) or None,
            "webhook_generation": self.webhook_generation or None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def shown(self) -> dict[str, Any]:
        return {
            "key_id": self.key_id,
            "name": self.name,
            "credits": self.credits,
            "held": self.held,
            "spent": self.spent,
            "rate": str(self.rate) if self.rate else None,
            "weight": self.weight,
            "scopes": sorted(self.scopes),
            "created_at": rfc3339(self.created_at),
            "last_used_at": self.last_used_at and rfc3339(self.last_used_at),
            "expires_at": self.expires_at and rfc3339(self.expires_at),
        }


def _rate(text: Mapping[str, str]) -> Rate | None:
    if "count:submit" not in text:
        return None
    return Rate(int(text["count:submit"]), int(text["period:submit"]) // 1000)
