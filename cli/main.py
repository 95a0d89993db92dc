"""The commands of `superimpose` and their options."""

import socket
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from cli import keys, print_version
from cli.batches import commands as batches
from cli.client.server import KeyOption, ServerOption
from cli.compose import compose
from cli.printing import AsJson, ExitCode
from cli.requests import commands as requests
from cli.run.command import run
from cli.serve.listening import CannotListen
from cli.webhooks import commands as webhooks
from jobs.config.validation import plain

app = typer.Typer(
    help="Overlay one picture on another: a service, or one picture at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(keys.app, name="keys")
app.add_typer(requests.app, name="requests")
app.add_typer(batches.app, name="batches")
app.add_typer(webhooks.app, name="webhooks")


def _show_version(given: bool) -> None:
    if given:
        print_version()
        raise typer.Exit


@app.callback()
def superimpose(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Overlay one picture on another: a service, or one picture at a time."""


Host = Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=256, metavar="N", show_default="one per core", help="Worker processes."),
]

ApiWorkers = Annotated[
    int | None,
    typer.Option(min=1, max=64, metavar="N", show_default="1", help="Processes of the API behind one port."),
]


@app.command()
def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = None,
    api_workers: ApiWorkers = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default="./data", help="Where Redis data and pictures are stored."),
    ] = None,
) -> None:
    """Run everything in this terminal: Redis, API, workers and webhooks."""
    from cli.serve.up import run

    run(host, port, workers, api_workers, data_dir)


@app.command()
def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    api_workers: ApiWorkers = None,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run only the API."""
    from cli.serve.roles import run_api, run_api_on

    if fd is None:
        run_api(host, port, api_workers)
    else:
        run_api_on(socket.socket(fileno=fd))


@app.command()
def worker(workers: Workers = None) -> None:
    """Run only workers."""
    from cli.serve.roles import run_workers

    run_workers(workers)


app.command()(compose)
app.command()(run)


@app.command()
def queue(
    once: Annotated[bool, typer.Option("--once", help="Print the state once.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, max=60, metavar="SECONDS", help="Time between updates.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Watch the queue and its workers, until a key is pressed."""
    from cli.queue import show

    show(as_json, once, interval)


@app.command()
def doctor(server: ServerOption = None, key: KeyOption = None, as_json: AsJson = False) -> None:
    """Check what the service needs on this machine, and suggest fixes."""
    from cli.doctor.report import examine

    examine(server, key, as_json)


def main() -> None:
    """Run the command line; errors that a user can fix are one sentence, not a traceback."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        code = _say_usage(error)
    except Exception as error:
        code = _explain(error)
    raise SystemExit(code)


def _say_usage(error: TyperException) -> int:
    """Print one line instead of typer's box, for logs and `grep`; nothing after a help text."""
    error.message = plain(error.message)
    text = " ".join(error.format_message().split()).removesuffix(".")
    if text:
        typer.echo(f"superimpose: {text[:1].lower()}{text[1:]} (see --help)", err=True)
    return error.exit_code


def _explain(error: Exception) -> ExitCode:
    from redis import RedisError

    from jobs.config.setting_faults import setting_faults
    from jobs.redis.primary import UnsuitableRedis

    lines, code = [str(error)], ExitCode.USAGE
    match error:
        case ValidationError():
            lines = setting_faults(error)
        case CannotListen():
            code = ExitCode.FAULT
        case UnsuitableRedis():
            pass
        case RedisError():
            hint = "start it (`superimpose up`), or correct SUPERIMPOSE_REDIS_URL"
            lines, code = [f"Redis cannot be reached: {lines[0].rstrip('.')}: {hint}"], ExitCode.NO_SERVER
        case _:
            raise error
    for line in lines:
        typer.echo(f"superimpose: {line}", err=True)
    return code
