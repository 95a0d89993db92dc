"""All settings of the service: `SUPERIMPOSE_*` environment variables, read once and passed down."""

from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from jobs.config.environment import PREFIX, EnvironmentSource
from jobs.config.setting_groups import (
    ApiSettings,
    BackendSettings,
    Group,
    JobSettings,
    LimitSettings,
    LogSettings,
    WebhookSettings,
)
from jobs.config.worker_setting_groups import FetchSettings, PictureSettings, WorkerSettings

BAD_SETTINGS = 2  # exit status of a process with invalid settings: a restart would not help


class Settings(
    LogSettings,  # Pydantic takes fields from the last base to the first
    WebhookSettings,
    FetchSettings,
    PictureSettings,
    WorkerSettings,
    JobSettings,
    LimitSettings,
    ApiSettings,
    BackendSettings,
    BaseSettings,
):
    """Settings with their defaults; a value from the environment overrides a default.

    Raises `pydantic.ValidationError`, which `jobs.config.setting_faults` explains, for invalid values,
    unknown variables with our prefix, and settings that contradict each other.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        defer_build=False,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # the input may be a password
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, EnvironmentSource(settings_cls)

    @classmethod
    def groups(cls) -> list[type[Group]]:
        return [base for base in reversed(cls.__bases__) if issubclass(base, Group)]

    @model_validator(mode="after")
    def _check_contradictions(self) -> Self:
        faults = [fault for group in self.groups() for fault in group.contradictions(self)]
        if faults:
            raise ValueError("\n".join(faults))
        return self
