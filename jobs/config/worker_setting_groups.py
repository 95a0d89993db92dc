"""The settings of workers, of fetching and of decoding; `Settings` composes them."""

from importlib.metadata import version
from typing import Any

from pydantic import Field

from jobs.config import machine
from jobs.config.setting_groups import Group
from jobs.config.setting_types import (
    GIBIBYTE,
    MEBIBYTE,
    Bytes,
    Callable,
    Count,
    Formats,
    HeaderText,
    Host,
    HostPatterns,
    Labels,
    Networks,
    Ports,
    Wait,
)


class WorkerSettings(Group):
    """Workers"""

    workers: int = Field(default_factory=machine.workers, ge=1, le=256)
    drain_timeout_s: Wait = 20
    job_memory_bytes: Bytes = Field(4 * GIBIBYTE, ge=512 * MEBIBYTE)
    child_max_jobs: Count = 5000
    child_max_resident_bytes: Bytes = Field(GIBIBYTE, ge=MEBIBYTE)
    cache_bytes: Bytes = 32 * MEBIBYTE
    metrics_port: int | None = Field(None, ge=1, le=65535)
    metrics_host: Host = "127.0.0.1"


class PictureSettings(Group):
    """Pictures"""

    max_input_bytes: Bytes = Field(24 * MEBIBYTE, ge=1024)
    max_pixels: Count = 50_000_000
    max_side: Count = 16_384
    animation_max_frames: Count = 500
    animation_max_pixels: Count = 100_000_000
    formats: Formats = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
    content_check: Callable | None = None
    remover: Callable | None = None
    nudity_labels: Labels = (
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
        "BUTTOCKS_EXPOSED",
        "ANUS_EXPOSED",
    )
    nudity_threshold: float = Field(0.5, gt=0, le=1)

    @property
    def picture_limits(self) -> dict[str, Any]:
        """The arguments of `compositor.Limits`."""
        return {
            "max_bytes": self.max_input_bytes,
            "max_pixels": self.max_pixels,
            "max_side": self.max_side,
            "max_frames": self.animation_max_frames,
            "max_animation_pixels": self.animation_max_pixels,
            "formats": self.formats,
        }


class FetchSettings(Group):
    """Fetching inputs"""

    fetch_allow: Networks = ()
    fetch_hosts: HostPatterns = ()
    fetch_refuse: Networks = ()
    fetch_ports: Ports = "80,443,1025-65535"
    fetch_user_agent: HeaderText = Field(default_factory=lambda: f"superimpose/{version('superimpose')}")
    fetch_ahead: int = Field(32, ge=0, le=64)
    fetch_ahead_bytes: Bytes = 32 * MEBIBYTE
    http_cache_bytes: Bytes = 256 * MEBIBYTE
