"""Loads the operator's code that a setting names as `package.module:callable`."""

from importlib import import_module
from typing import Any

from jobs.config.settings import Settings


class UnusablePlugin(Exception):
    """The plugin that a setting names cannot be loaded; the text names the setting and the cause."""


def load_plugin(settings: Settings, setting: str, kind: str) -> Any:
    """Call the callable that `setting` names with the settings; None if the setting is unset.

    Raises `UnusablePlugin`.
    """
    path = getattr(settings, setting)
    if path is None:
        return None
    unusable = f"SUPERIMPOSE_{setting.upper()} = {path} cannot be used"
    module, _, name = path.partition(":")
    try:
        plugin = getattr(import_module(module), name)(settings)
    except Exception as error:
        raise UnusablePlugin(f"{unusable}: {type(error).__name__}: {error}") from error
    if not callable(plugin):
        raise UnusablePlugin(f"{unusable}: it returned {plugin!r} instead of a {kind}")
    return plugin
