"""`superimpose`: every role of the service, and one picture without any."""

import socket
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from redis import RedisError

from cli import keys
from cli.listening import CannotListen
from cli.parameters import with_parameters
from jobs.settings import BAD_SETTINGS

app = typer.Typer(
    help="Overlay one picture on another: a service, or one picture at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(keys.app, name="keys")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]
Workers = Annotated[int | None, typer.Option(min=1, max=256, help="Worker processes; default: one per core.")]

ApiWorkers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes of the API behind one port; default: one.")
]


@app.command()
def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = None,
    api_workers: ApiWorkers = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where Redis and pictures live [./data].")] = None,
) -> None:
    """Run everything in this terminal: Redis, API and workers."""
    from cli.up import run

    run(host, port, workers, api_workers, data_dir)


@app.command()
def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    api_workers: ApiWorkers = None,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the API alone."""
    from cli.roles import run_api, run_api_on

    if fd is None:
        run_api(host, port, api_workers)
    else:
        run_api_on(socket.socket(fileno=fd))


@app.command()
def worker(workers: Workers = None) -> None:
    """Run the workers alone."""
    from cli.roles import run_workers

    run_workers(workers)


@app.command()
@with_parameters
def compose(
    base: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The picture below.")],
    overlay: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The picture put on it.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write the result.")],
    mask: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="White shows.")] = None,
    **parameters: Any,
) -> None:
    """Make one picture, without any server."""
    from cli.compose import write_picture

    write_picture(base, overlay, mask, out, parameters)


def main() -> None:
    """Run the command line; what the user can mend is one sentence, not a traceback."""
    try:
        app()
    except ValidationError as error:
        for detail in error.errors():
            if detail["type"] == "default_factory_not_called":  # of another setting's fault
                continue
            setting = "SUPERIMPOSE_" + "_".join(map(str, detail["loc"])).upper() if detail["loc"] else ""
            typer.echo(f"superimpose: {setting} {detail['msg']}", err=True)
        raise SystemExit(BAD_SETTINGS) from None
    except CannotListen as error:
        typer.echo(f"superimpose: {error}", err=True)
        raise SystemExit(1) from None
    except RedisError as error:
        typer.echo(f"superimpose: Redis cannot be reached: {error}", err=True)
        raise SystemExit(1) from None
