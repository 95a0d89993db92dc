"""Translates errors of API calls into command-line errors."""

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
    """One line that names each invalid parameter by its command-line option."""
    return join_faults(error, option_of)


def join_faults(error: CallError, label: Callable[[str], str] = str) -> str:
    """One line; `label` turns a parameter's name into the name to show."""
    if isinstance(error, Refused) and error.faults:
        return "; ".join(f"{label(fault['field'])}: {fault['message']}" for fault in error.faults)
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


def option_of(field: str) -> str:
    """The command-line option of a parameter; fields of a scene's layers have none and keep their name."""
    return field if "[" in field else OPTIONS.get(field) or option(field)
