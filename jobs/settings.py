"""Every setting of the service: `SUPERIMPOSE_*` environment variables, read once and handed down."""

import os
import re
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobs.rates import Rate, RateField

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE

BAD_SETTINGS = 2
"""Exit status of a process whose settings are wrong: starting it again would not help."""


def _split(value: object) -> object:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _network(value: str) -> str:
    return str(ip_network(value, strict=False))


def _origin(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


def _cors_origin(value: str) -> str:
    return value if value == "*" else _origin(value)


def _callable(value: str) -> str:
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", value):
        raise ValueError("must look like package.module:callable")
    return value


def _redis(value: str) -> str:
    """Refused here: redis-py would quote from a password that it reads as a host or a port."""
    if value and not _is_redis_url(value):
        raise ValueError(
            "must be redis://, rediss:// or unix://, or redis+sentinel:// or rediss+sentinel:// followed by "
            "HOST:PORT,HOST:PORT/SERVICE/DB; user and password %-encoded"
        )
    return value


def _is_redis_url(value: str) -> bool:
    from jobs.sentinel import SentinelUrl, is_sentinel_url  # with redis, which a child has no need of

    try:
        if is_sentinel_url(value):
            return bool(SentinelUrl.parse(value))
        url = urlsplit(value)
        readable = url.port != 0 and ("@" in url.netloc or "@" not in value or url.scheme == "unix")
    except ValueError:
        return False
    return readable and url.scheme in ("redis", "rediss", "unix")


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_cors_origin)], ...], NoDecode, BeforeValidator(_split)
]
Rates = Annotated[RateField, NoDecode]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Settings with their defaults; a value from the environment wins over a default.

    Raises `pydantic.ValidationError`, which names the setting, when a value is out of range or
    two of them contradict each other.
    """

    model_config = SettingsConfigDict(
        env_prefix="SUPERIMPOSE_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # it may be a password
    )

    redis_url: Annotated[str, AfterValidator(_redis)] = Field(
        "",
        repr=False,
        description="Redis to use, or its Sentinels; empty: the socket of `superimpose up` in DATA_DIR",
    )
    data_dir: Path = Field(Path("data"), description="where `up` keeps Redis's file, pictures and its key")
    storage_url: str = Field("", description="`file:///dir` or `s3://bucket/prefix`; empty: DATA_DIR")
    redirect_to_bucket: bool = Field(
        False, description="whether pictures are fetched from the bucket itself, by redirects to signed URLs"
    )
    public_url: Annotated[str, AfterValidator(_origin)] | None = Field(
        None, description="origin in the URLs of answers; unset: the request's own Host"
    )
    dev_api_key: str | None = Field(None, repr=False, description="a key made valid when the API starts")
    admin_key: str | None = Field(
        None,
        min_length=20,
        repr=False,
        description="key of the admin API, 20 characters or more; unset: there is none",
    )
    rq_dashboard_writes: bool = Field(
        False, description="whether /admin/rq, RQ's dashboard, may also delete and requeue jobs"
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="worker processes; unset: one per core",
    )
    api_workers: int = Field(
        1, ge=1, le=64, description="processes of the API behind one port; each has its own MAX_CONNECTIONS"
    )

    result_ttl_s: int = Field(3600, ge=1, description="life of record, result and picture after the end")
    start_timeout_s: int = Field(
        1800, ge=1, description="not started by then: FAILED `timeout`; a request may say X-Start-Timeout"
    )
    max_start_timeout_s: int = Field(
        default_factory=lambda given: max(3600, given.get("start_timeout_s", 0)),
        ge=1,
        description="most that a request may say; unset: 3600, or START_TIMEOUT_S",
    )
    job_timeout_s: int = Field(
        default_factory=lambda given: min(60, max(1, given.get("start_timeout_s", 120) // 2)),
        ge=1,
        description="from a request's start to its end, all attempts together, then FAILED `timeout`; "
        "a request may say X-Timeout; unset: 60, or half of START_TIMEOUT_S",
    )
    max_job_timeout_s: int = Field(
        default_factory=lambda given: max(300, given.get("job_timeout_s", 0)),
        ge=1,
        description="most that a request may say; unset: 300, or JOB_TIMEOUT_S",
    )
    lease_s: float = Field(
        15, ge=1, le=300, description="a worker not heard of for so long is gone, and its job another's"
    )
    drain_timeout_s: float = Field(
        20,
        ge=0,
        description="what a stopped worker's job may still take; then it goes back to the queue",
    )
    job_memory_bytes: int = Field(
        4 * GIBIBYTE,
        ge=512 * MEBIBYTE,
        description="address space of a job's process; 0.3 GB plus up to 24 bytes a pixel are needed",
    )
    fetch_timeout_s: float = Field(
        default_factory=lambda given: min(20, given.get("job_timeout_s", 60) / 2),
        gt=0,
        description="one input, from name look-up to last byte; unset: 20, or half of JOB_TIMEOUT_S",
    )
    sync_timeout_s: float = Field(25, gt=0, description="how long POST /v1/superimpose waits before its 504")
    max_attempts: int = Field(3, ge=1, le=20, description="tries at a job whose worker failed")
    max_waiting: int = Field(
        100_000,
        ge=1,
        description="requests that may wait; one more is answered 429 `queue_full`",
    )
    max_waiting_per_key: int = Field(50_000, ge=1, description="of these, requests of one key")
    child_max_jobs: int = Field(
        5000, ge=1, description="jobs after which a worker's process for pictures is replaced"
    )
    child_max_resident_bytes: int = Field(
        GIBIBYTE, ge=MEBIBYTE, description="resident memory above which it is replaced, between two jobs"
    )

    credit_cost: int = Field(1, ge=0, description="credits that a COMPLETED request costs")
    rate_limit: Rates = Field(Rate(6000, 60), description="submits of a key that has no rate of its own")
    rate_limit_reads: Rates = Field(
        Rate(120_000, 60), description="reads of a key, far above submits: clients poll every second"
    )
    rate_limit_uploads: Rates = Field(Rate(600, 60), description="uploads of a key")
    rate_limit_anonymous: Rates = Field(
        Rate(300, 60), description="calls of an address without a valid key, pictures aside"
    )

    fetch_allow: Networks = Field((), description="private networks that may be fetched from")
    fetch_hosts: Names = Field((), description="if set, the only hosts fetched from; `*.shop.example` works")
    fetch_refuse: Networks = Field((), description="networks never fetched from, such as our own addresses")
    fetch_ports: str = Field("80,443,1025-65535", description="ports that may be fetched from")
    fetch_ahead: int = Field(
        16,
        ge=0,
        le=64,
        description="waiting requests whose inputs each worker fetches while it works; 0: none",
    )
    fetch_ahead_bytes: int = Field(
        32 * MEBIBYTE, ge=0, description="of such inputs, what each worker keeps at a time"
    )
    max_body_bytes: int = Field(32 * MEBIBYTE, ge=1024, description="largest request body")
    max_input_bytes: int = Field(24 * MEBIBYTE, ge=1024, description="largest input file")
    max_pixels: int = Field(50_000_000, ge=1, description="most pixels of an input and of the output")
    max_side: int = Field(16_384, ge=1, description="longest side of an input, in pixels")
    formats: Names = Field(
        ("JPEG", "PNG", "WEBP", "GIF", "AVIF"),
        description="formats of inputs; TIFF, BMP, JPEG2000 and HEIF only for callers you trust: "
        "each hands strangers' bytes to one more C decoder",
    )
    upload_ttl_s: int = Field(86_400, ge=1, description="life of an uploaded picture")
    upload_quota_bytes: int = Field(
        GIBIBYTE, ge=0, description="uploads of a key at a time; 0: none are taken"
    )
    cache_bytes: int = Field(32 * MEBIBYTE, ge=0, description="decoded inputs kept by each worker; 0: none")
    http_cache_bytes: int = Field(
        256 * MEBIBYTE,
        ge=0,
        description="fetched inputs kept in DATA_DIR for all workers there, as their servers allow; 0: none",
    )
    content_check: Annotated[str, AfterValidator(_callable)] | None = Field(
        None, description="`package.module:callable` that may block pictures; unset: none"
    )
    nudity_labels: Names = Field(
        (
            "FEMALE_BREAST_EXPOSED",
            "FEMALE_GENITALIA_EXPOSED",
            "MALE_GENITALIA_EXPOSED",
            "BUTTOCKS_EXPOSED",
            "ANUS_EXPOSED",
        ),
        min_length=1,
        description="what blocks a picture where the content check is `worker.nudity:NudityCheck`",
    )
    nudity_threshold: float = Field(0.5, gt=0, le=1, description="from what score on a label counts")
    trusted_proxies: Networks = Field(
        (), description="networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed"
    )
    cors_origins: Origins = Field(
        (), description="origins whose pages may call the API from a browser; `*`: all; unset: none"
    )
    docs: bool = Field(True, description="whether /docs, /openapi.json and the playground at / are served")
    metrics: bool = Field(False, description="whether the API serves /metrics, for Prometheus")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="where `superimpose worker` serves /metrics; unset: nowhere"
    )
    metrics_host: str = Field("127.0.0.1", description="address that METRICS_PORT is on; in the image all")
    client_timeout_s: float = Field(
        20, gt=0, description="what a client may take for headers, and for a body on top of 1 s per 16 KiB"
    )
    max_connections: int = Field(
        1000, ge=1, description="open connections to an API process; one more is answered 429 `busy`"
    )
    log_format: Literal["json", "console"] | None = Field(
        None, description="`json` or `console`; unset: console on a terminal, json everywhere else"
    )
    access_log: bool = Field(False, description="whether the API logs each call")

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.absolute()

    @model_validator(mode="after")
    def _deadlines_nest(self) -> Self:
        chain = ("fetch_timeout_s", "job_timeout_s", "start_timeout_s")
        for inner, outer in pairwise(chain):
            if getattr(self, inner) >= getattr(self, outer):
                raise ValueError(
                    f"{inner.upper()} = {getattr(self, inner)} must be less than "
                    f"{outer.upper()} = {getattr(self, outer)}: deadlines nest"
                )
        return self

    @model_validator(mode="after")
    def _only_buckets_sign(self) -> Self:
        if self.redirect_to_bucket and self.effective_storage_url.startswith("file://"):
            raise ValueError("REDIRECT_TO_BUCKET needs a bucket as STORAGE_URL: a directory has no URLs")
        return self

    @model_validator(mode="after")
    def _reads_keep_up(self) -> Self:
        if not self.rate_limit <= self.rate_limit_reads:
            raise ValueError(
                f"RATE_LIMIT = {self.rate_limit} must not exceed RATE_LIMIT_READS = {self.rate_limit_reads}: "
                "clients poll what they submit"
            )
        return self

    @model_validator(mode="after")
    def _defaults_are_allowed(self) -> Self:
        for default in ("start_timeout_s", "job_timeout_s"):
            cap = f"max_{default}"
            if getattr(self, default) > getattr(self, cap):
                raise ValueError(
                    f"{default.upper()} = {getattr(self, default)} must not exceed "
                    f"{cap.upper()} = {getattr(self, cap)}"
                )
        return self

    @property
    def heartbeat_s(self) -> float:
        """How often a worker is heard of: a lease outlives four that were lost."""
        return self.lease_s / 5

    @property
    def longest_life_s(self) -> int:
        """No request, however unlucky, is around for longer."""
        slack_s = 60
        return self.max_start_timeout_s + self.max_job_timeout_s + slack_s + self.result_ttl_s

    @property
    def picture_limits(self) -> dict[str, Any]:
        """The arguments of `compositor.Limits`."""
        return {
            "max_bytes": self.max_input_bytes,
            "max_pixels": self.max_pixels,
            "max_side": self.max_side,
            "formats": self.formats,
        }

    @property
    def redis_socket(self) -> Path:
        """Where the Redis that `up` starts listens."""
        return self.data_dir / "redis.sock"

    @property
    def effective_redis_url(self) -> str:
        """`redis_url`, or the address of the Redis that `up` starts."""
        return self.redis_url or f"unix://{quote(bytes(self.redis_socket))}"

    @property
    def effective_storage_url(self) -> str:
        """`storage_url`, or the directory of pictures in `data_dir`."""
        return self.storage_url or (self.data_dir / "store").as_uri()
