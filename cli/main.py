"""The commands of `superimpose` and their options."""

import socket
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from cli import keys
from cli.batches import commands as batches
from cli.client.server import KeyOption, ServerOption
from cli.exit_codes import ExitCode
from cli.formats import NAMES
from cli.json_output import AsJson
from cli.parameters import with_parameters
from cli.requests import commands as requests
from cli.serve.listening import CannotListen
from cli.version import print_version
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


FILE: Any = {"exists": True, "dir_okay": False, "metavar": "FILE"}
SceneOption = Annotated[
    Path | None,
    typer.Option(
        **FILE, help="A request as JSON, with files for pictures, instead of an overlay and its options."
    ),
]
DISPLACEMENT_HELP = "Its red moves the overlay's pixels by --displacement-x, its green by --displacement-y."


@app.command()
@with_parameters
def compose(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help=f"The result. {NAMES}.")],
    base: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, metavar="BASE", help="The picture below.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, metavar="OVERLAY", help="The picture put on it."),
    ] = None,
    mask: Annotated[Path | None, typer.Option(**FILE, help="White shows.")] = None,
    displacement_map: Annotated[Path | None, typer.Option(**FILE, help=DISPLACEMENT_HELP)] = None,
    scene: SceneOption = None,
    as_json: AsJson = False,
    **parameters: Any,
) -> None:
    """Render one picture without a server."""
    from cli.compose import write_picture

    pictures = {
        "base_image": base,
        "overlay_image": overlay,
        "mask": mask,
        "displacement_map": displacement_map,
    }
    write_picture(pictures, scene, out, parameters, as_json)


@app.command("run")
@with_parameters
def run_on_server(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="PATH", help=f"The result, or the folder for several. {NAMES}."),
    ],
    base: Annotated[str | None, typer.Option(metavar="FILE|URL", help="The picture below.")] = None,
    base_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of bases, instead of --base.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            **FILE,
            help="CSV or NDJSON with one request per line; options are defaults for all lines.",
        ),
    ] = None,
    overlay: Annotated[str | None, typer.Option(metavar="FILE|URL", help="The picture put on it.")] = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE|URL", help="White shows.")] = None,
    displacement_map: Annotated[str | None, typer.Option(metavar="FILE|URL", help=DISPLACEMENT_HELP)] = None,
    scene: SceneOption = None,
    server: ServerOption = None,
    key: KeyOption = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="How many pictures at a time.")
    ] = 8,
    batch: Annotated[bool, typer.Option("--batch", hidden=True)] = False,  # the default
    no_batch: Annotated[
        bool, typer.Option("--no-batch", help="Send requests one by one, not in batches of thousands.")
    ] = False,
    as_json: AsJson = False,
    **parameters: Any,
) -> None:
    """Render pictures on a server: one, all of a folder, or those listed in a file."""
    from cli.run.command import run

    if batch and no_batch:
        raise typer.BadParameter("--batch and --no-batch contradict each other: give one of them")
    run(
        base=base,
        base_dir=base_dir,
        manifest=manifest,
        pictures={"overlay_image": overlay, "mask": mask, "displacement_map": displacement_map},
        scene=scene,
        out=out,
        server=server,
        key=key,
        concurrency=concurrency,
        in_batches=not no_batch,
        as_json=as_json,
        parameters=parameters,
    )


@app.command()
def queue(
    once: Annotated[bool, typer.Option("--once", help="Print the state once.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, max=60, metavar="SECONDS", help="Time between updates.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Watch the queue and its workers, until a key is pressed."""
    from cli.queue.commands import show

    show(as_json, once, interval)


@app.command()
def doctor(
    server: ServerOption = None,
    key: KeyOption = None,
    as_json: AsJson = False,
) -> None:
    """Check what the service needs on this machine, and suggest fixes."""
    from cli.doctor.report import examine

    examine(server, key, as_json)


def main() -> None:
    """Run the command line; errors that a user can fix are one sentence, not a traceback."""
    try:
        raise SystemExit(app(standalone_mode=False))
    except TyperException as error:
        raise SystemExit(_say_usage(error)) from None
    except ValidationError as error:
        from jobs.config.setting_faults import setting_faults

        for fault in setting_faults(error):
            typer.echo(f"superimpose: {fault}", err=True)
        raise SystemExit(ExitCode.USAGE) from None
    except CannotListen as error:
        typer.echo(f"superimpose: {error}", err=True)
        raise SystemExit(ExitCode.FAULT) from None
    except Exception as error:
        from redis import RedisError

        from jobs.redis.primary import UnsuitableRedis

        if isinstance(error, UnsuitableRedis):
            typer.echo(f"superimpose: {error}", err=True)
            raise SystemExit(ExitCode.USAGE) from None
        if not isinstance(error, RedisError):
            raise
        hint = "start it (`superimpose up`), or correct SUPERIMPOSE_REDIS_URL"
        typer.echo(f"superimpose: Redis cannot be reached: {str(error).rstrip('.')}: {hint}", err=True)
        raise SystemExit(ExitCode.NO_SERVER) from None


def _say_usage(error: TyperException) -> int:
    """Print one line instead of typer's box, for logs and `grep`; nothing after a help text."""
    error.message = plain(error.message)
    text = " ".join(error.format_message().split()).removesuffix(".")
    if text:
        typer.echo(f"superimpose: {text[:1].lower()}{text[1:]} (see --help)", err=True)
    return error.exit_code
