"""The settings of each part of the service, with their defaults; docs/settings.md says what each does."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from jobs.config.environment import PREFIX
from jobs.config.setting_types import (
    GIBIBYTE,
    MEBIBYTE,
    AdminKey,
    BaseUrl,
    Bytes,
    CellName,
    Count,
    Directory,
    Key,
    MasterSecrets,
    Networks,
    Origins,
    Rates,
    RedisUrl,
    StorageUrl,
    Term,
    Wait,
)
from jobs.keys.key_rules import MAX_CREDITS
from jobs.keys.rates import Rate


class Group(BaseModel):
    """Settings of one topic; the docstring is its heading in docs/settings.md."""

    model_config = ConfigDict(defer_build=True)  # only `Settings` is instantiated

    def contradictions(self) -> Iterator[str]:
        """Settings that contradict each other, one line for each fault."""
        yield from ()

    def _shown(self, name: str) -> str:
        return f"{PREFIX}{name.upper()} = {getattr(self, name)}"


class BackendSettings(Group):
    """Redis and the picture store"""

    redis_url: RedisUrl = Field("", repr=False)
    data_dir: Directory = Path("data")
    storage_url: StorageUrl = ""
    redirect_to_bucket: bool = False

    def contradictions(self) -> Iterator[str]:
        if self.redirect_to_bucket and self.effective_storage_url.startswith("file://"):
            yield f"{PREFIX}REDIRECT_TO_BUCKET needs a bucket as {PREFIX}STORAGE_URL: a directory has no URLs"

    @property
    def redis_socket(self) -> Path:
        return self.data_dir / "redis.sock"

    @property
    def effective_redis_url(self) -> str:
        """`redis_url`, or the address of the Redis that `up` starts."""
        return self.redis_url or f"unix://{quote(bytes(self.redis_socket))}"

    @property
    def effective_storage_url(self) -> str:
        """`storage_url`, or the directory of pictures in `data_dir`."""
        return self.storage_url or (self.data_dir / "store").as_uri()


class ApiSettings(Group):
    """API"""

    public_url: BaseUrl | None = None
    api_workers: int = Field(1, ge=1, le=64)
    cell: CellName = ""
    dev_api_key: Key | None = Field(None, repr=False)
    admin_key: AdminKey | None = Field(None, repr=False)
    docs: bool = True
    rq_dashboard_writes: bool = False
    metrics: bool = False
    access_log: bool = False
    cors_origins: Origins = ()
    trusted_proxies: Networks = ()
    sync_timeout_s: Wait = Field(25, gt=0)
    client_timeout_s: Wait = Field(20, gt=0)
    keep_alive_s: Term = 5
    max_connections: Count = 1000
    max_body_bytes: Bytes = Field(32 * MEBIBYTE, ge=1024)
    max_batch_bytes: Bytes = Field(GIBIBYTE, ge=1024)

    def contradictions(self) -> Iterator[str]:
        if self.admin_key is not None and self.admin_key == self.dev_api_key:
            yield f"{PREFIX}ADMIN_KEY and {PREFIX}DEV_API_KEY must differ: one of them is a client's"


class LimitSettings(Group):
    """Quotas and back-pressure"""

    rate_limit: Rates = Rate(6000, 60)
    rate_limit_reads: Rates = Rate(120_000, 60)
    rate_limit_lists: Rates = Rate(600, 60)
    rate_limit_uploads: Rates = Rate(600, 60)
    rate_limit_anonymous: Rates = Rate(300, 60)
    max_waiting: Count = 100_000
    max_waiting_per_key: Count = 50_000
    credit_cost: int = Field(1, ge=0, le=MAX_CREDITS)
    upload_ttl_s: Term = 86_400
    upload_quota_bytes: Bytes = GIBIBYTE

    def contradictions(self) -> Iterator[str]:
        if not self.rate_limit <= self.rate_limit_reads:
            yield (
                f"{self._shown('rate_limit')} must not exceed {self._shown('rate_limit_reads')}: "
                "clients poll what they submit"
            )


class JobSettings(Group):
    """Deadlines and attempts"""

    start_timeout_s: Term = 1800
    max_start_timeout_s: Term = Field(
        default_factory=lambda given: max(3600, given.get("start_timeout_s", 0))
    )
    job_timeout_s: Term = Field(
        default_factory=lambda given: min(60, max(1, given.get("start_timeout_s", 120) // 2))
    )
    max_job_timeout_s: Term = Field(default_factory=lambda given: max(300, given.get("job_timeout_s", 0)))
    fetch_timeout_s: float = Field(
        default_factory=lambda given: min(20, given.get("job_timeout_s", 60) / 2), gt=0
    )
    max_attempts: int = Field(3, ge=1, le=20)
    lease_s: float = Field(15, ge=1, le=300)
    result_ttl_s: Term = 3600

    def contradictions(self) -> Iterator[str]:
        for inner, outer in pairwise(("fetch_timeout_s", "job_timeout_s", "start_timeout_s")):
            if getattr(self, inner) >= getattr(self, outer):
                yield f"{self._shown(inner)} must be less than {self._shown(outer)}: deadlines nest"
        for default in ("start_timeout_s", "job_timeout_s"):
            cap = f"max_{default}"
            if getattr(self, default) > getattr(self, cap):
                yield f"{self._shown(default)} must not exceed {self._shown(cap)}"

    @property
    def heartbeat_s(self) -> float:
        """The interval of lease renewals: a lease survives four lost renewals."""
        return self.lease_s / 5

    @property
    def longest_life_s(self) -> int:
        """The longest time from a request's creation to the expiry of its result."""
        slack_s = 60
        return self.max_start_timeout_s + self.max_job_timeout_s + slack_s + self.result_ttl_s


class WebhookSettings(Group):
    """Webhooks"""

    webhook_secret: MasterSecrets = Field((), repr=False)
    webhook_http: bool = False
    webhook_concurrency: int = Field(128, ge=8, le=4096)
    max_undelivered_per_key: Count = 50_000


class LogSettings(Group):
    """Logs"""

    log_format: Literal["json", "console"] | None = None
