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

    workers: int = Field(
        default_factory=machine.workers,
        ge=1,
        le=256,
        description="worker processes; unset: one per core with 0.5 GiB each",
    )
    drain_timeout_s: Wait = Field(20, description="for a job whose worker is stopped, then it is requeued")
    job_memory_bytes: Bytes = Field(
        4 * GIBIBYTE,
        ge=512 * MEBIBYTE,
        description="address space of a job, which needs 0.3 GB plus up to 24 bytes a pixel",
    )
    child_max_jobs: Count = Field(5000, description="jobs until a worker replaces its child process")
    child_max_resident_bytes: Bytes = Field(
        GIBIBYTE, ge=MEBIBYTE, description="resident memory from which it is replaced"
    )
    cache_bytes: Bytes = Field(32 * MEBIBYTE, description="decoded inputs kept by each worker; 0: none")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="port of /metrics of `worker` and `webhooks`; unset: none"
    )
    metrics_host: Host = Field("127.0.0.1", description="its address; in the image all")


class PictureSettings(Group):
    """Pictures"""

    max_input_bytes: Bytes = Field(24 * MEBIBYTE, ge=1024, description="largest input file")
    max_pixels: Count = Field(50_000_000, description="pixels of an input and of the output")
    max_side: Count = Field(16_384, description="longest side of an input, in pixels")
    animation_max_frames: Count = Field(500, description="frames of a base with `animation` `keep`")
    animation_max_pixels: Count = Field(100_000_000, description="pixels of all its frames")
    formats: Formats = Field(
        ("JPEG", "PNG", "WEBP", "GIF", "AVIF"),
        description="formats of inputs; TIFF, BMP, JPEG2000 and HEIF only for trusted callers",
    )
    content_check: Callable | None = Field(
        None, description="`package.module:callable` that may block pictures"
    )
    remover: Callable | None = Field(None, description="`package.module:callable` that removes backgrounds")
    nudity_labels: Labels = Field(
        (
            "FEMALE_BREAST_EXPOSED",
            "FEMALE_GENITALIA_EXPOSED",
            "MALE_GENITALIA_EXPOSED",
            "BUTTOCKS_EXPOSED",
            "ANUS_EXPOSED",
        ),
        description="what `worker.nudity:NudityCheck` blocks",
    )
    nudity_threshold: float = Field(0.5, gt=0, le=1, description="score from which a label counts")

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

    fetch_allow: Networks = Field(
        (), description="private networks that may be fetched from, as `127.0.0.1/32`; unset: none"
    )
    fetch_hosts: HostPatterns = Field(
        (), description="if set, the only hosts fetched from, as `*.shop.example`"
    )
    fetch_refuse: Networks = Field((), description="networks never fetched from, such as our own addresses")
    fetch_ports: Ports = Field("80,443,1025-65535", description="ports that may be fetched from")
    fetch_user_agent: HeaderText = Field(
        default_factory=lambda: f"superimpose/{version('superimpose')}",
        description="User-Agent of fetches; name a contact; unset: `superimpose/VERSION`",
    )
    fetch_ahead: int = Field(
        32, ge=0, le=64, description="requests that a worker claims ahead, to fetch their inputs; 0: none"
    )
    fetch_ahead_bytes: Bytes = Field(
        32 * MEBIBYTE, description="inputs that it holds; beyond, only its oldest request fetches"
    )
    http_cache_bytes: Bytes = Field(256 * MEBIBYTE, description="HTTP cache of inputs in DATA_DIR; 0: none")
