"""What went wrong with a call, in the words of the command line."""

from collections.abc import Callable

import typer

from cli.client.errors import KEY_REFUSED, CallError, Refused, RequestFailed, Unreachable
from cli.exit_codes import ExitCode, stop
from cli.parameters import option

OPTIONS = {"base_image": "--base", "overlay_image": "--overlay"}
BAD_REQUEST = 400


def explain(error: CallError) -> typer.Exit:
    if isinstance(error, RequestFailed):
        return stop(f"request {error.answer.get('request_id')} FAILED: {error}", ExitCode.FAILED)
    return stop(describe_error(error), exit_code(error))


def describe_error(error: CallError) -> str:
    """One line; each parameter that the server does not take by the option that it was given as."""
    return describe_faults(error, named)


def describe_faults(error: CallError, named: Callable[[str], str] = str) -> str:
    """One line, each parameter by its name."""
    if isinstance(error, Refused) and error.faults:
        return "; ".join(f"{named(fault['field'])}: {fault['message']}" for fault in error.faults)
    return str(error)


def exit_code(error: CallError) -> ExitCode:
    match error:
        case Unreachable():
            return ExitCode.NO_SERVER
        case Refused() if error.status in KEY_REFUSED:
            return ExitCode.NO_SERVER
        case Refused() if error.status == BAD_REQUEST:
            return ExitCode.USAGE
    return ExitCode.FAULT


def named(field: str) -> str:
    """The option of a parameter; one of a layer in a scene has none."""
    return field if "[" in field else OPTIONS.get(field) or option(field)
