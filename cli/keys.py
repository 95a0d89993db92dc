"""`superimpose keys`: make, list and revoke API keys."""

from datetime import UTC, datetime

import typer

from jobs.api_keys import ApiKeys
from jobs.connection import connect
from jobs.settings import Settings

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


def _keys() -> ApiKeys:
    return ApiKeys(connect(Settings()))


@app.command()
def create(name: str) -> None:
    """Make a key and print it; it cannot be shown again."""
    kept, key = _keys().create(name)
    typer.echo(key)
    typer.echo(f"{kept.key_id} ({name}): keep the key above, it is shown only now", err=True)


@app.command("list")
def list_keys() -> None:
    """List the valid keys by id, without the keys themselves."""
    for key in _keys().list():
        made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{key.key_id}  {made}  {key.name}")


@app.command()
def revoke(key_id: str) -> None:
    """Make a key invalid at once."""
    if not _keys().revoke(key_id):
        typer.echo(f"there is no key {key_id}: see `superimpose keys list`", err=True)
        raise typer.Exit(1)
    typer.echo(f"{key_id} is no longer valid")
