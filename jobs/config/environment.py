"""Reads settings from the environment, and finds unknown variables with our prefix."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_settings import EnvSettingsSource

from telemetry.processes import NAME as PROCESS

PREFIX = "SUPERIMPOSE_"

OF_THE_COMMAND_LINE = frozenset({"SUPERIMPOSE_SERVER", "SUPERIMPOSE_API_KEY", "SUPERIMPOSE_RECEIVER_SECRET"})
OF_COMPOSE_ALONE = frozenset(
    {"SUPERIMPOSE_PORT", "SUPERIMPOSE_SECOND_PORT", "SUPERIMPOSE_MEMORY", "SUPERIMPOSE_WORKER_CONTAINERS"}
)
OTHERS = {PROCESS} | OF_THE_COMMAND_LINE | OF_COMPOSE_ALONE

_SERVICE_LINK = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_(HOST|PORT)\w*=.*|PORT_\d+_(TCP|UDP|SCTP)\w*=.*|PORT=(tcp|udp|sctp)://.*)",
    re.DOTALL,
)
"""Variables that Kubernetes sets for a Service named `superimpose` or `superimpose-api`: service links."""


class EnvironmentSource(EnvSettingsSource):
    """Passes unknown variables with our prefix on to Pydantic, to be reported with all other faults."""

    def __call__(self) -> dict[str, Any]:
        return super().__call__() | unknown(self.env_vars, self.settings_cls.model_fields)


def unknown(variables: Mapping[str, str | None], fields: Mapping[str, Any]) -> dict[str, str]:
    """Variables with our prefix that nothing reads, by lower-case name without the prefix."""
    named = {name.upper(): value or "" for name, value in variables.items()}
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in named.items()
        if name.startswith(PREFIX)
        and name.removeprefix(PREFIX).lower() not in fields
        and name not in OTHERS
        and not _SERVICE_LINK.fullmatch(f"{name}={value}")
    }
