"""Findings of `superimpose doctor`; runs all checks and prints each finding at once."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from cli.printing import ExitCode, print_json
from cli.serve.up_file import settings_here
from jobs.config.setting_faults import setting_faults
from jobs.config.setting_types import GIBIBYTE, MEBIBYTE

WIDTH = 18


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Works, but slower or not for long."""
    FAIL = "fail"
    """Requests may be lost, refused or never finish."""


STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


@dataclass(frozen=True)
class Finding:
    """The subject of a check, what was seen, and what to do unless it is ok."""

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


def fail_unless(good: bool, subject: str, seen: str, advice: str) -> Finding:
    return ok(subject, seen) if good else fail(subject, seen, advice)


def warn_unless(good: bool, subject: str, seen: str, advice: str) -> Finding:
    return ok(subject, seen) if good else warn(subject, seen, advice)


def gib(size: int) -> str:
    return f"{size / GIBIBYTE:,.1f} GiB"


def mib(size: int) -> str:
    return f"{size / MEBIBYTE:,.0f} MiB"


def examine(server: str | None, key: str | None, as_json: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    counted = dict.fromkeys(Verdict, 0)
    for finding in _all(server, key):
        counted[finding.verdict] += 1
        print_json(asdict(finding)) if as_json else _print(console, finding)
    if not as_json:
        bad = [f"{counted[each]} {each}" for each in (Verdict.WARN, Verdict.FAIL) if counted[each]]
        console.print(", ".join(bad) or "all is well")
    if counted[Verdict.FAIL]:
        raise typer.Exit(ExitCode.FAULT)


def _all(server: str | None, key: str | None) -> Findings:
    try:
        settings = settings_here()
    except ValidationError as error:
        for fault in setting_faults(error):
            yield fail("settings", fault, "correct it: no process starts with it")
        return
    yield ok("settings", "valid")

    from cli.doctor.machine_checks import check_machine
    from cli.doctor.picture_checks import check_codecs, check_fetch, check_store
    from cli.doctor.service_checks import check_api, check_redis, check_webhooks

    for check in (check_machine, check_redis, check_store, check_fetch, check_codecs, check_webhooks):
        yield from check(settings)
    yield from check_api(server, key)


def _print(console: Console, finding: Finding) -> None:
    style = STYLES[finding.verdict]
    console.print(f"[{style}]{finding.verdict:<5}[/]{finding.subject:<{WIDTH}} {escape(finding.seen)}")
    if finding.advice:
        console.print(f"{'':{WIDTH + 5}} [dim]->[/] {escape(finding.advice)}")
