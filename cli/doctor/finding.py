"""What a check comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Works, but not as well, or not for long."""
    FAIL = "fail"
    """Requests are lost, refused or never finished."""


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was seen, and what to do unless it is ok."""

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
