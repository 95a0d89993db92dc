"""`superimpose keys`: make, list, rotate, credit and revoke API keys."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.durations import seconds
from cli.exit_codes import stop
from cli.json_output import AsJson, print_json
from cli.moments import moment
from jobs.key_rules import MAX_CREDITS, Scope
from jobs.rates import Rate

if TYPE_CHECKING:  # what talks to Redis is loaded by whoever does
    from jobs.api_keys import ApiKey, ApiKeys

app = typer.Typer(help="Make, list, rotate, credit and revoke API keys.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="As `superimpose keys list` shows it.")]


T = TypeVar("T")


def _parsed(parse: Callable[[str], T]) -> Callable[[str], T]:
    def parser(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is not allowed: {error}") from None

    return parser


def _keys() -> "ApiKeys":
    from jobs.api_keys import ApiKeys
    from jobs.connection import connect
    from jobs.settings import Settings

    return ApiKeys(connect(Settings()))


@app.command()
def create(
    name: str,
    credits: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_CREDITS, metavar="N", show_default="unlimited", help="Credits to spend."),
    ] = None,
    rate: Annotated[
        Rate | None,
        typer.Option(
            parser=_parsed(Rate.parse),
            metavar="RATE",
            show_default="SUPERIMPOSE_RATE_LIMIT",
            help="Submits it may make, as 600/minute.",
        ),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            metavar="SCOPE",
            show_default="all",
            help=f"What it may do: {' or '.join(Scope)}; may be repeated.",
        ),
    ] = None,
    expires: Annotated[
        int | None,
        typer.Option(
            parser=_parsed(seconds),
            metavar="TIME",
            show_default="for ever",
            help="How long it is valid, as 90d.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    from jobs.api_keys import KeyOptions

    options = KeyOptions(credits, rate, tuple(scope or Scope), expires)
    try:
        kept, key = _keys().create(name, options)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print_json(kept.shown() | {"key": key})
        return
    typer.echo(key)
    typer.echo(f"{kept.key_id} ({name}): keep the key above, it is shown only now", err=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys by id, without the keys themselves."""
    if as_json:
        for key in _keys().list():
            print_json(key.shown())
        return
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
    as_json: AsJson = False,
) -> None:
    """Print a new text for a key; the old one stays valid for a while."""
    from jobs.api_keys import UnknownKey

    try:
        key = _keys().rotate(key_id, overlap)
    except UnknownKey:
        raise _unknown(key_id) from None
    if as_json:
        print_json({"key_id": key_id, "key": key})
        return
    typer.echo(key)
    typer.echo(f"{key_id}: keep the key above, it is shown only now", err=True)


@app.command(context_settings={"ignore_unknown_options": True})
def credit(
    key_id: KeyId,
    amount: Annotated[str, typer.Argument(help="+100, or -100 to take away.")],
    as_json: AsJson = False,
) -> None:
    """Add credits to a key, or take some away."""
    from jobs.api_keys import CreditsRefused, UnknownKey

    try:
        key = _keys().add_credits(key_id, _amount(amount))
    except UnknownKey:
        raise _unknown(key_id) from None
    except CreditsRefused as error:
        raise stop(str(error)) from None
    if as_json:
        print_json(key.shown())
    else:
        typer.echo(f"{key_id} has {key.credits} credits")


@app.command()
def revoke(key_id: KeyId, as_json: AsJson = False) -> None:
    """Make a key invalid at once."""
    from jobs.api_keys import UnknownKey

    try:
        _keys().revoke(key_id)
    except UnknownKey:
        raise _unknown(key_id) from None
    if as_json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        typer.echo(f"{key_id} is no longer valid")


def _unknown(key_id: str) -> typer.Exit:
    return stop(f"there is no key {key_id}: see `superimpose keys list`")


def _amount(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number of credits: write +100 or -100") from None


HEADINGS = ("id", "made", "last used", "expires", "credits", "held", "spent", "rate", "scopes", "name")


def _row(key: "ApiKey") -> tuple[str, ...]:
    return (
        key.key_id,
        moment(key.created_at),
        moment(key.last_used_at),
        moment(key.expires_at),
        "unlimited" if key.credits is None else str(key.credits),
        str(key.held),
        str(key.spent),
        str(key.rate or "default"),
        ",".join(sorted(key.scopes)),
        key.name,
    )
