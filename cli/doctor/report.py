"""Runs all checks and prints each finding at once."""

from collections.abc import Callable
from dataclasses import asdict

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from cli.doctor.api_checks import check_api
from cli.doctor.finding import Finding, Findings, Verdict, fail, ok
from cli.exit_codes import ExitCode
from cli.json_output import print_json
from cli.serve.up_file import settings_here
from jobs.config.setting_faults import setting_faults
from jobs.config.settings import Settings

STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
WIDTH = 18


def examine(server: str | None, key: str | None, as_json: bool) -> None:
    """Print all findings. Raises `typer.Exit` if any is `fail`."""
    console = Console(highlight=False, soft_wrap=True)
    counted = dict.fromkeys(Verdict, 0)
    for finding in _all(server, key):
        counted[finding.verdict] += 1
        print_json(asdict(finding)) if as_json else _print(console, finding)
    if not as_json:
        bad = [
            f"{counted[verdict]} {verdict}" for verdict in (Verdict.WARN, Verdict.FAIL) if counted[verdict]
        ]
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
    for check in _checks():
        yield from check(settings)
    yield from check_api(server, key)


def _checks() -> list[Callable[[Settings], Findings]]:
    from cli.doctor.codec_checks import check_codecs
    from cli.doctor.fetch_checks import check_fetch
    from cli.doctor.machine_checks import check_machine
    from cli.doctor.redis_checks import check_redis
    from cli.doctor.store_checks import check_store
    from cli.doctor.webhook_checks import check_webhooks

    return [check_machine, check_redis, check_store, check_fetch, check_codecs, check_webhooks]


def _print(console: Console, finding: Finding) -> None:
    style = STYLES[finding.verdict]
    console.print(f"[{style}]{finding.verdict:<5}[/]{finding.subject:<{WIDTH}} {escape(finding.seen)}")
    if finding.advice:
        console.print(f"{'':{WIDTH + 5}} [dim]->[/] {escape(finding.advice)}")
