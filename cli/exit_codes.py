"""How commands end, as docs/command-line.md lists it: 0, or one of these after one line that says why."""

from enum import IntEnum

import typer


class ExitCode(IntEnum):
    FAULT = 1
    """Something else is wrong: a file cannot be written, there is no such key, a check of `doctor` fails."""
    USAGE = 2
    """The command line, a setting or a parameter cannot be meant."""
    FAILED = 3
    """A request FAILED; of a batch, at least one picture was not made."""
    NO_SERVER = 4
    """The API or Redis cannot be reached, or refuses the key."""
    INTERRUPTED = 130
    """Ctrl-C."""


def stop(text: str, code: ExitCode = ExitCode.FAULT) -> typer.Exit:
    """Say why on stderr; to be raised."""
    typer.echo(f"superimpose: {text}", err=True)
    return typer.Exit(code)
