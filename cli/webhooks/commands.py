"""`superimpose webhooks`: the role that sends events, and what tries it out."""

import typer

app = typer.Typer(help="Send the events of ended requests.")


@app.callback(invoke_without_command=True)
def webhooks(context: typer.Context) -> None:
    """Run the role that sends the events of ended requests."""
    if context.invoked_subcommand is None:
        from cli.serve.roles import run_webhooks

        run_webhooks()
