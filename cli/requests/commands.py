"""`superimpose requests`: manages the requests of all keys directly in Redis."""

from typing import Annotated

import typer

from cli.keys import KeyOption, key_ids
from cli.printing import AsJson, print_json, print_list, say, stop
from cli.serve.up_file import settings_here
from jobs.lifecycle.status import Status

app = typer.Typer(help="List, show, cancel, retry and delete requests of all keys.", no_args_is_help=True)

ENDED = "has ended already and was not changed"
UNFINISHED = "has not ended and was not deleted: cancel it first, or wait for its end"
STORE_UNREACHABLE = "the store of pictures cannot be reached: see `superimpose doctor`"

RequestId = Annotated[str, typer.Argument(help="As `superimpose requests list` shows it.")]


@app.command("list")
def list_requests(
    status: Annotated[
        Status | None,
        typer.Option(case_sensitive=False, metavar="STATUS", help=f"Only this status: {', '.join(Status)}."),
    ] = None,
    key: KeyOption = None,
    custom_id: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only requests with this custom_id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List requests, newest first; they expire an hour after they finish. --json shows their keys."""
    from cli.requests.output import as_object, row
    from jobs.keys.api_keys import ApiKeys
    from jobs.queries.listing import Listing
    from jobs.redis.connection import connect

    redis = connect(settings_here())
    records = Listing(redis).newest(key_ids(ApiKeys(redis), key), status, custom_id, limit)
    print_list(as_json, records, as_object, ("id", "created", "status", ">took"), row)


@app.command()
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """Show every field of a request; query strings of URLs are left out."""
    from cli.requests.output import attempts_as_parts, details, print_fields
    from jobs import keyspace
    from jobs.redis.connection import connect
    from jobs.webhooks.deliveries import Deliveries

    redis = connect(settings_here())
    record, delivery = redis.hgetall(keyspace.request(request_id)), Deliveries(redis).find(request_id)
    if not record and not delivery:  # a delivery may outlive its request
        raise unknown_request(request_id)
    shown = details(request_id, record) if record else {"request_id": request_id}
    webhook = {"webhook": delivery.shown()} if delivery else {}
    print_json(shown | webhook) if as_json else print_fields(attempts_as_parts(shown | webhook))


@app.command()
def cancel(request_id: RequestId, as_json: AsJson = False) -> None:
    """Cancel a request, also while a worker processes it."""
    from jobs.cancellation import Cancellation
    from jobs.lifecycle.moves import IllegalMove
    from jobs.redis.connection import connect

    settings = settings_here()
    try:
        was = Cancellation(connect(settings), settings).cancel(request_id)
    except IllegalMove as refused:
        if refused.reason == "terminal":
            raise stop(f"{request_id} {ENDED}: see `superimpose requests show`") from None
        raise unknown_request(request_id) from None
    say(as_json, {"request_id": request_id, "was": was}, f"{request_id} is cancelled, it was {was}")


@app.command()
def retry(request_id: RequestId, as_json: AsJson = False) -> None:
    """Submit a finished request again under the same key, and print the new id."""
    from obstore.exceptions import BaseError as StoreError

    from jobs.lifecycle.moves import IllegalMove, NotEnoughCredits, QueueFull
    from jobs.pictures.store import PictureStore
    from jobs.redis.connection import connect
    from jobs.resubmission import CannotResubmit, Resubmission

    settings = settings_here()
    try:
        new = Resubmission(connect(settings), settings, PictureStore.open(settings)).resubmit(request_id)
    except CannotResubmit as error:
        raise stop(str(error)) from None
    except NotEnoughCredits as error:
        raise stop(f"its key has {error.balance} credits and needs {error.needed}") from None
    except QueueFull as error:
        raise stop(f"the queue is full: try again in {error.retry_after_s} s") from None
    except IllegalMove:
        raise stop("its key was revoked: nobody could fetch the picture") from None
    except StoreError:
        raise stop(STORE_UNREACHABLE) from None
    say(as_json, {"request_id": new.request_id, "retry_of": request_id}, new.request_id)


@app.command()
def delete(request_id: RequestId, as_json: AsJson = False) -> None:
    """Delete a finished request with its result and its inline inputs."""
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
            raise stop(f"{request_id} {UNFINISHED}") from None
        raise unknown_request(request_id) from None
    except StoreError:
        raise stop(STORE_UNREACHABLE) from None
    say(as_json, {"request_id": request_id, "deleted": True}, f"{request_id} is deleted")


def unknown_request(request_id: str) -> typer.Exit:
    return stop(f"there is no request {ascii(request_id)[1:-1]}: it never existed or has expired")
