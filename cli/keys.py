"""`superimpose keys`: manages API keys and their webhook secrets."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.printing import AsJson, print_list, say, stop
from cli.serve.up_file import settings_here
from cli.timefmt import day, seconds
from jobs.keys.key_rules import KEY_ID, MAX_CREDITS, MAX_WEIGHT, Existing, Scope
from jobs.keys.rates import Rate

if TYPE_CHECKING:  # only commands that need them import these
    from pydantic import ValidationError
    from redis import Redis

    from jobs.keys.api_key import ApiKey
    from jobs.keys.api_keys import ApiKeys

HELP = "Create, list, rotate, credit, revoke, export and import API keys."
app = typer.Typer(help=HELP, no_args_is_help=True)

Key = Annotated[
    str, typer.Argument(metavar="KEY", help="Name or id of the key, as in `superimpose keys list`.")
]
KeyOption = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Only of this API key, by name or id; a revoked key by its id."),
]
T = TypeVar("T")


def _parsed(parse: Callable[[str], T]) -> Callable[[str], T]:
    def parser(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is not allowed: {error}") from None

    return parser


def _time_option(help: str, **more: Any) -> Any:
    return typer.Option(parser=_parsed(seconds), metavar="TIME", help=help, **more)


def _redis() -> "Redis":
    from jobs.redis.connection import connect

    return connect(settings_here())


def _keys() -> "ApiKeys":
    from jobs.keys.api_keys import ApiKeys

    return ApiKeys(_redis(), settings_here().cell)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name to recognise it by.")],
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
            help="Limit of submits, as 600/minute.",
        ),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            metavar="SCOPE",
            show_default="all",
            help=f"A permission: {' or '.join(Scope)}; may be repeated.",
        ),
    ] = None,
    expires: Annotated[
        int | None, _time_option("How long it is valid, as 90d.", show_default="forever")
    ] = None,
    weight: Annotated[
        int,
        typer.Option(min=1, max=MAX_WEIGHT, metavar="N", help="Share of the workers relative to other keys."),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it; it cannot be shown again."""
    from jobs.keys.api_key import KeyOptions

    options = KeyOptions(credits, rate, tuple(scope or Scope), expires, weight)
    try:
        key, text = _keys().create(name, options)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _print_secret(as_json, key.shown(), key, text)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, oldest first, without their secrets; --json has every field."""
    columns = ("id", "last used", "expires", ">credits", "rate", "name")
    print_list(as_json, _keys().list(), lambda key: key.shown(), columns, _row)


def _row(key: "ApiKey") -> list[str]:
    from rich.markup import escape

    return [
        key.key_id,
        day(key.last_used_at),
        day(key.expires_at),
        "unlimited" if key.credits is None else f"{key.credits:,}",
        str(key.rate or "default"),
        escape(key.name),
    ]


@app.command()
def rotate(
    key: Key,
    overlap: Annotated[int, _time_option("How long older secrets stay valid.")] = "24h",  # type: ignore[assignment]
    as_json: AsJson = False,
) -> None:
    """Print a new secret for a key; the old one stays valid for a while."""
    keys = _keys()
    found = find_named(keys, key)
    text = keys.rotate(found.key_id, overlap)
    _print_secret(as_json, {"key_id": found.key_id}, found, text)


@app.command(context_settings={"ignore_unknown_options": True})
def credit(
    key: Key,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="+100, or -100 to take away.")],
    as_json: AsJson = False,
) -> None:
    """Add credits to a key, or take some away."""
    from jobs.keys.api_keys import CreditsRefused

    try:
        credits = int(amount)
    except ValueError:
        raise typer.BadParameter(f"{amount!r} is not a number of credits: write +100 or -100") from None
    keys = _keys()
    try:
        changed = keys.add_credits(find_named(keys, key).key_id, credits)
    except CreditsRefused as error:
        raise stop(str(error)) from None
    say(as_json, changed.shown(), f"{changed.key_id} ({changed.name}) has {changed.credits} credits")


@app.command()
def revoke(key: Key, as_json: AsJson = False) -> None:
    """Revoke a key, effective at once."""
    keys = _keys()
    found = find_named(keys, key)
    keys.revoke(found.key_id)
    text = f"{found.key_id} ({found.name}) is no longer valid"
    say(as_json, {"key_id": found.key_id, "revoked": True}, text)


@app.command("webhook-secret")
def webhook_secret(
    key: Key,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Create a new one; events are signed with both for a while.")
    ] = False,
    overlap: Annotated[int, _time_option("With --rotate, how long the old one is used too.")] = "24h",  # type: ignore[assignment]
    as_json: AsJson = False,
) -> None:
    """Print the secret that signs the webhooks of a key."""
    from jobs.webhooks.secrets import KeySecrets, WebhooksOff

    found = find_named(_keys(), key)
    secrets = KeySecrets(_redis(), settings_here())
    try:
        secret = secrets.rotate(found.key_id, overlap) if rotate else secrets.read(found.key_id)
    except WebhooksOff as error:
        raise stop(str(error)) from None
    say(as_json, {"key_id": found.key_id, "key": secret}, secret)


@app.command("export")
def export_keys() -> None:
    """Print all keys as JSON for a backup: options and digests, without their secrets."""
    from jobs.keys.key_backup import export

    typer.echo(export(_redis()).model_dump_json(indent=1))


@app.command("import")
def import_keys(
    file: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="What `superimpose keys export` printed; - is stdin."),
    ],
    existing: Annotated[
        Existing,
        typer.Option(
            metavar="WORD",
            help="What to do with a key that exists already and differs: refuse, and change nothing; "
            "keep it; overwrite it.",
        ),
    ] = Existing.REFUSE,
    as_json: AsJson = False,
) -> None:
    """Restore exported keys."""
    from pydantic import ValidationError

    from jobs.keys.key_backup import Backup, KeysExist, TextConflict, restore

    try:
        backup = Backup.model_validate_json(file.read())
    except ValidationError as error:
        raise typer.BadParameter(_not_a_backup(error), param_hint="FILE") from None
    except UnicodeDecodeError:
        raise typer.BadParameter("is not what `superimpose keys export` printed", param_hint="FILE") from None
    try:
        restored = restore(_redis(), backup, existing)
    except KeysExist as error:
        raise stop(
            f"these keys exist already and differ, nothing was changed: {error}; "
            "--existing keep leaves them, --existing overwrite replaces them"
        ) from None
    except TextConflict as error:
        raise stop(f"{error}, nothing was changed") from None
    done = asdict(restored)
    lines = [
        f"{LABELS[action]} {len(ids)}{': ' if ids else ''}{', '.join(ids)}" for action, ids in done.items()
    ]
    say(as_json, done, "\n".join(lines))


def _print_secret(as_json: bool, shown: dict[str, Any], key: "ApiKey", text: str) -> None:
    say(as_json, {**shown, "key": text}, text)
    if not as_json:
        typer.echo(f"{key.key_id} ({key.name}): keep the key above, it is shown only now", err=True)


LABELS = {"added": "added", "overwritten": "overwritten", "kept": "kept as they are", "same": "unchanged"}


def _not_a_backup(error: "ValidationError") -> str:
    from jobs.config.validation import rule

    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"is not what `superimpose keys export` printed: {where}{': ' if where else ''}{rule(first)}"


def find_named(keys: "ApiKeys", text: str) -> "ApiKey":
    from jobs.keys.api_keys import AmbiguousKey, UnknownKey

    try:
        return keys.find(text)
    except UnknownKey:
        raise stop(f"there is no key {ascii(text)[1:-1]}: see `superimpose keys list`") from None
    except AmbiguousKey as error:
        raise stop(str(error)) from None


def key_ids(keys: "ApiKeys", text: str | None) -> Sequence[str]:
    """The id of the key with this name or id, also a revoked one; all ids for None. Raises `typer.Exit`."""
    if text is None:
        return keys.ids()
    return [text if KEY_ID.fullmatch(text) else find_named(keys, text).key_id]
