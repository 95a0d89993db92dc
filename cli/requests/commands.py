"""`superimpose requests`: list, show, cancel, retry and delete requests of all keys, in Redis itself."""

from typing import Annotated, Any

import typer

from cli.exit_codes import stop
from cli.json_output import AsJson, print_json, say
from cli.keys import KeyOption, key_ids
from cli.serve.up_file import settings_here
from jobs.lifecycle.status import Status

app = typer.Typer(help="List, show, cancel, retry and delete requests of all keys.", no_args_is_help=True)

NO_STORE = "the store of pictures cannot be reached: see `superimpose doctor`"

RequestId = Annotated[str, typer.Argument(help="As `superimpose requests list` shows it.")]


@app.command("list")
def list_requests(
    status: Annotated[
        Status | None,
        typer.Option(
            case_sensitive=False, metavar="STATUS", help=f"Those that are {', '.join(Status)}: one of them."
        ),
    ] = None,
    key: KeyOption = None,
    custom_id: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Those that were submitted with this custom_id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List requests, newest first; they are kept for an hour from their end. --json shows their keys."""
    from cli.requests.output import listed, print_listed
    from jobs.keys.api_keys import ApiKeys
    from jobs.queries.listing import Listing, RequestFilter
    from jobs.redis.connection import connect

    redis = connect(settings_here())
    records = Listing(redis).newest(key_ids(ApiKeys(redis), key), RequestFilter(status, custom_id), limit)
    if as_json:
        for record in records:
            print_json(listed(record))
    else:
        print_listed(records)


@app.command()
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """Show everything that is known of a request; of URLs not what follows the question mark."""
    from cli.requests.output import attempts_as_parts, print_fields, shown
    from jobs import keyspace
    from jobs.redis.connection import connect
    from jobs.webhooks.deliveries import Deliveries

    redis = connect(settings_here())
    kept, delivery = redis.hgetall(keyspace.request(request_id)), Deliveries(redis).find(request_id)
    if not kept and not delivery:  # which may outlive its request
        raise unknown(request_id)
    fields: dict[str, Any] = shown(request_id, kept) if kept else {"request_id": request_id}
    if delivery:
        fields["webhook"] = delivery.shown()
    print_json(fields) if as_json else print_fields(attempts_as_parts(fields))


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
    say(as_json, {"request_id": request_id, "was": was}, f"{request_id} is cancelled, it was {was}")


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
        raise stop(NO_STORE) from None
    say(as_json, {"request_id": made.request_id, "retry_of": request_id}, made.request_id)


@app.command()
def delete(request_id: RequestId, as_json: AsJson = False) -> None:
    """Delete a request that has ended, with its picture and what came within it."""
    from obstore.exceptions import BaseError as StoreError

    from jobs.deletion import Deletion
    from jobs.lifecycle.moves import IllegalMove
    from jobs.pictures.store import PictureStore
    from jobs.redis.connection import connect

    settings = settings_here()
    try:
        Deletion(connect(settings), PictureStore.open(settings)).delete(request_id)
    except IllegalMove as refused:
        if refused.reason == "unfinished":
            raise stop(f"{request_id} has not ended: cancel it first, or wait for its end") from None
        raise unknown(request_id) from None
    except StoreError:
        raise stop(NO_STORE) from None
    say(as_json, {"request_id": request_id, "deleted": True}, f"{request_id} is deleted")


def unknown(request_id: str) -> typer.Exit:
    return stop(f"there is no request {ascii(request_id)[1:-1]}: it never existed or has expired")
