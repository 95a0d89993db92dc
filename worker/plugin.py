"""The operator's own code: a setting names it as `package.module:callable`."""

from importlib import import_module
from typing import Any

from jobs.config.settings import Settings


class UnusablePlugin(Exception):
    """The setting names nothing that can be used; the text says which setting and why."""


def load_plugin(settings: Settings, setting: str, kind: str) -> Any:
    """What the callable that a setting names makes of the settings, once per process; None without one.

    Raises `UnusablePlugin`.
    """
    spelling = getattr(settings, setting)
    if spelling is None:
        return None
    unusable = f"SUPERIMPOSE_{setting.upper()} = {spelling} cannot be used"
    module, _, name = spelling.partition(":")
    try:
        made = getattr(import_module(module), name)(settings)
    except Exception as error:
        raise UnusablePlugin(f"{unusable}: {type(error).__name__}: {error}") from error
    if not callable(made):
        raise UnusablePlugin(f"{unusable}: it made {made!r} instead of a {kind}")
    return made
