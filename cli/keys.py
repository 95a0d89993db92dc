"""`superimpose keys`: make, list, rotate, credit and revoke API keys."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from cli.durations import seconds
from jobs.api_keys import MAX_CREDITS, ApiKey, ApiKeys, CreditsRefused, KeyOptions, Scope, UnknownKey
from jobs.connection import connect
from jobs.rates import Rate
from jobs.settings import Settings

app = typer.Typer(help="Make, list, rotate, credit and revoke API keys.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="As `superimpose keys list` shows it.")]


T = TypeVar("T")


def _parsed(parse: Callable[[str], T]) -> Callable[[str], T]:
    def parser(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parser


def _keys() -> ApiKeys:
    return ApiKeys(connect(Settings()))


@app.command()
def create(
    name: str,
    credits: Annotated[
        int | None, typer.Option(min=0, max=MAX_CREDITS, help="Credits to spend [unlimited].")
    ] = None,
    rate: Annotated[
        Rate | None,
        typer.Option(parser=_parsed(Rate.parse), metavar="RATE", help="Submits: 600/minute [RATE_LIMIT]."),
    ] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; may be repeated [all].")] = None,
    expires: Annotated[
        int | None, typer.Option(parser=_parsed(seconds), metavar="TIME", help="Valid for: 90d [for ever].")
    ] = None,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    options = KeyOptions(credits, rate, tuple(scope or Scope), expires)
    try:
        kept, key = _keys().create(name, options)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(key)
    typer.echo(f"{kept.key_id} ({name}): keep the key above, it is shown only now", err=True)


@app.command("list")
def list_keys() -> None:
    """List the keys by id, without the keys themselves."""
    rows = [HEADINGS, *map(_row, _keys().list())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        int, typer.Option(parser=_parsed(seconds), metavar="TIME", help="The old one stays valid for.")
    ] = "24h",  # type: ignore[assignment]
) -> None:
    """Print a new text for a key; the old one stays valid for a while."""
    try:
        typer.echo(_keys().rotate(key_id, overlap))
    except UnknownKey:
        raise _unknown(key_id) from None
    typer.echo(f"{key_id}: keep the key above, it is shown only now", err=True)


@app.command(context_settings={"ignore_unknown_options": True})
def credit(key_id: KeyId, amount: Annotated[str, typer.Argument(help="+100, or -100 to take away.")]) -> None:
    """Add credits to a key, or take some away."""
    try:
        key = _keys().add_credits(key_id, _amount(amount))
    except UnknownKey:
        raise _unknown(key_id) from None
    except CreditsRefused as error:
        typer.echo(f"superimpose: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{key_id} has {key.credits} credits")


@app.command()
def revoke(key_id: KeyId) -> None:
    """Make a key invalid at once."""
    try:
        _keys().revoke(key_id)
    except UnknownKey:
        raise _unknown(key_id) from None
    typer.echo(f"{key_id} is no longer valid")


def _unknown(key_id: str) -> typer.Exit:
    typer.echo(f"superimpose: there is no key {key_id}: see `superimpose keys list`", err=True)
    return typer.Exit(1)


def _amount(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number of credits: write +100 or -100") from None


HEADINGS = ("id", "made", "last used", "expires", "credits", "held", "spent", "rate", "scopes", "name")


def _row(key: ApiKey) -> tuple[str, ...]:
    return (
        key.key_id,
        _time(key.created_at),
        _time(key.last_used_at),
        _time(key.expires_at),
        "unlimited" if key.credits is None else str(key.credits),
        str(key.held),
        str(key.spent),
        str(key.rate or "default"),
        ",".join(sorted(key.scopes)),
        key.name,
    )


def _time(moment: float | None) -> str:
    return "never" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
