"""Explains faults in settings, one line each."""

from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jobs.config.environment import PREFIX
from jobs.config.settings import Settings
from jobs.config.validation import rule

SHOWN_LENGTH = 200


def setting_faults(error: ValidationError) -> list[str]:
    """Each line names the variable, what is allowed, and the value unless it may contain a secret."""
    lines: list[str] = []
    for detail in error.errors(include_url=False):
        if detail["type"] != "default_factory_not_called":  # caused by the fault of another setting
            lines += _explained(detail)
    return lines


def _explained(detail: ErrorDetails) -> list[str]:
    if not detail["loc"]:
        return rule(detail).splitlines()
    name = str(detail["loc"][0])
    variable = f"{PREFIX}{name.upper()}"
    if detail["type"] == "extra_forbidden":
        return [f"{variable}: unknown setting, {_suggestion(name)}"]
    return [f"{variable} = {_shown(name, detail['input'])} is not allowed: {rule(detail)}"]


def _suggestion(name: str) -> str:
    close = get_close_matches(name, Settings.model_fields, n=1)
    return f"did you mean {PREFIX}{close[0].upper()}?" if close else "docs/settings.md lists them all"


def _shown(name: str, value: object) -> str:
    field = Settings.model_fields[name]
    text = repr(",".join(map(str, value)) if isinstance(value, tuple) else str(value))
    if not field.repr or any(sign in text for sign in "@?"):  # a URL with a password or a signature
        return "(not shown)"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
