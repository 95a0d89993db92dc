"""The result of a check."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jobs.config.setting_types import GIBIBYTE, MEBIBYTE


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Works, but slower or not for long."""
    FAIL = "fail"
    """Requests may be lost, refused or never finish."""


@dataclass(frozen=True)
class Finding:
    """One line of the report: the subject, what was seen, and what to do unless it is ok."""

    subject: str
    verdict: Verdict
    seen: str
    advice: str = ""


Findings = Iterator[Finding]


def ok(subject: str, seen: str) -> Finding:
    return Finding(subject, Verdict.OK, seen)


def warn(subject: str, seen: str, advice: str) -> Finding:
    return Finding(subject, Verdict.WARN, seen, advice)


def fail(subject: str, seen: str, advice: str) -> Finding:
    return Finding(subject, Verdict.FAIL, seen, advice)


def fail_unless(subject: str, good: bool, seen: str, advice: str) -> Finding:
    return ok(subject, seen) if good else fail(subject, seen, advice)


def warn_unless(subject: str, good: bool, seen: str, advice: str) -> Finding:
    return ok(subject, seen) if good else warn(subject, seen, advice)


def gib(size: int) -> str:
    return f"{size / GIBIBYTE:,.1f} GiB"


def mib(size: int) -> str:
    return f"{size / MEBIBYTE:,.0f} MiB"
