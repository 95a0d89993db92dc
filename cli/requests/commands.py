"""`superimpose requests`: list, show, cancel and retry requests of all keys, in Redis itself."""

from typing import Annotated

import typer

from cli.exit_codes import stop
from cli.json_output import AsJson, print_json
from cli.serve.up_file import settings_here
from jobs.lifecycle.status import Status

app = typer.Typer(help="List, show, cancel and retry requests of all keys.", no_args_is_help=True)

RequestId = Annotated[str, typer.Argument(help="As `superimpose requests list` shows it.")]


@app.command("list")
def list_requests(
    status: Annotated[
        Status | None,
        typer.Option(
            case_sensitive=False, metavar="STATUS", help=f"Those that are {', '.join(Status)}: one of them."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Those of one API key, by its name or id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List requests, newest first; they are kept for an hour from their end. --json shows their keys."""
    from cli.keys import key_id
    from cli.requests.output import listed, print_listed
    from jobs.keys.api_keys import ApiKeys
    from jobs.queries.browsing import find_newest
    from jobs.redis.connection import connect

    redis = connect(settings_here())
    found = find_newest(redis, limit, status, key_id(ApiKeys(redis), key) if key else None)
    if as_json:
        for record in found.records:
            print_json(listed(record))
    else:
        print_listed(found)
    if not found.is_complete:
        typer.echo(
            f"superimpose: of {found.looked_at:,} requests, which is not all: there may be newer ones",
            err=True,
        )


@app.command()
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """Show everything that is known of a request; of URLs not what follows the question mark."""
    from cli.requests.output import print_fields, shown
    from jobs import keyspace
    from jobs.redis.connection import connect

    kept = connect(settings_here()).hgetall(keyspace.request(request_id))
    if not kept:
        raise unknown(request_id)
    fields = shown(request_id, kept)
    print_json(fields) if as_json else print_fields(fields)


@app.command()
def cancel(request_id: RequestId, as_json: AsJson = False) -> None:
    """End a request as FAILED `cancelled`, and stop its worker."""
    from jobs.cancellation import Cancellation
    from jobs.lifecycle.moves import IllegalMove
    from jobs.redis.connection import connect

    settings = settings_here()
    try:
        was = Cancellation(connect(settings), settings).cancel(request_id)
    except IllegalMove as refused:
        if refused.reason == "terminal":
            raise stop(f"{request_id} has ended already: see `superimpose requests show`") from None
        raise unknown(request_id) from None
    if as_json:
        print_json({"request_id": request_id, "was": was})
    else:
        typer.echo(f"{request_id} is cancelled, it was {was}")


@app.command()
def retry(request_id: RequestId, as_json: AsJson = False) -> None:
    """Submit a request that has ended again, under its key, and print the new id."""
    from obstore.exceptions import BaseError as StoreError

    from jobs.lifecycle.moves import IllegalMove, NotEnoughCredits, QueueFull
    from jobs.pictures.store import PictureStore
    from jobs.redis.connection import connect
    from jobs.resubmission import CannotResubmit, Resubmission

    settings = settings_here()
    try:
        made = Resubmission(connect(settings), settings, PictureStore.open(settings)).resubmit(request_id)
    except CannotResubmit as error:
        raise stop(str(error)) from None
    except NotEnoughCredits as error:
        raise stop(f"its key has {error.balance} credits and needs {error.needed}") from None
    except QueueFull as error:
        raise stop(f"the queue is full: try again in {error.retry_after_s} s") from None
    except IllegalMove:
        raise stop("its key was revoked: nobody could fetch the picture") from None
    except StoreError:
        raise stop("the store of pictures cannot be reached: see `superimpose doctor`") from None
    if as_json:
        print_json({"request_id": made.request_id, "retry_of": request_id})
    else:
        typer.echo(made.request_id)


def unknown(request_id: str) -> typer.Exit:
    return stop(f"there is no request {ascii(request_id)[1:-1]}: it never existed or has expired")
