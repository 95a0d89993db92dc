"""`superimpose webhooks`: the role that sends events, and a receiver for tests."""

from collections import Counter
from contextlib import suppress
from typing import Annotated

import typer

from cli.printing import AsJson, print_json

SECRET = "SUPERIMPOSE_RECEIVER_SECRET"  # noqa: S105
WHERE = "`superimpose keys webhook-secret KEY` prints it, as does GET /v1/webhooks/default/secret"

app = typer.Typer(help="Send webhook events; `listen` receives them.")


@app.callback(invoke_without_command=True)
def webhooks(context: typer.Context) -> None:
    """Run the role that sends webhook events; `listen` receives them."""
    if context.invoked_subcommand is None:
        from cli.serve.roles import run_webhooks

        run_webhooks()


@app.command()
def listen(
    secret: Annotated[
        str | None,
        typer.Option(envvar=SECRET, metavar="SECRET", help="The API key's signing secret, whsec_..."),
    ] = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on.")] = 8008,
    status: Annotated[
        int, typer.Option(min=200, max=599, metavar="CODE", help="Status to answer with.")
    ] = 204,
    delay: Annotated[float, typer.Option(min=0, max=60, metavar="SECONDS", help="Delay of each answer.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Receive events, check their signatures, and print them, until Ctrl-C."""
    from cli.serve.listening import bind, local_url
    from cli.webhooks.receiver import as_object, print_received, receiving
    from cli.webhooks.verification import read_secret

    if not secret:
        raise typer.BadParameter(f"no signing secret: set {SECRET}; {WHERE}", param_hint="--secret")
    try:
        key = read_secret(secret.strip())
    except ValueError:
        raise typer.BadParameter(
            f"is not a signing secret, which is whsec_ and base64: {WHERE}", param_hint="--secret"
        ) from None
    seen = Counter[str]()
    with receiving(bind(host, port), key, status, delay) as events, suppress(KeyboardInterrupt):
        typer.echo(
            f"listening at {local_url(host, port)}/ until Ctrl-C; a service on this machine needs\n"
            "SUPERIMPOSE_WEBHOOK_HTTP=true and SUPERIMPOSE_FETCH_ALLOW=127.0.0.1/32",
            err=True,
        )
        for received in events:
            seen[received.webhook_id] += received.event is not None
            times = seen[received.webhook_id]
            print_json(as_object(received, times)) if as_json else print_received(received, times)
