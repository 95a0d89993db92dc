"""Exit codes other than 0, as listed in docs/command-line.md; each follows a one-line error message."""

from enum import IntEnum

import typer


class ExitCode(IntEnum):
    FAULT = 1
    """Any other error: a file cannot be written, a key does not exist, a check of `doctor` fails."""
    USAGE = 2
    """The command line, a setting or a parameter is invalid."""
    FAILED = 3
    """A request, or at least one picture of a batch, FAILED."""
    NO_SERVER = 4
    """The API or Redis cannot be reached, or refuses the key."""
    INTERRUPTED = 130


def stop(text: str, code: ExitCode = ExitCode.FAULT) -> typer.Exit:
    """Print an error and return the exception to raise."""
    typer.echo(f"superimpose: {text}", err=True)
    return typer.Exit(code)
