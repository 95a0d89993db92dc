"""The settings of each part of the service, with their defaults; `Settings` composes them."""

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
    """Settings of one topic; a group's docstring is its heading in docs/settings.md."""

    model_config = ConfigDict(defer_build=True)  # only `Settings` is instantiated

    def contradictions(self) -> Iterator[str]:
        """Settings that contradict each other, one line for each fault."""
        yield from ()

    def _shown(self, name: str) -> str:
        return f"{PREFIX}{name.upper()} = {getattr(self, name)}"


class BackendSettings(Group):
    """Redis and the picture store"""

    redis_url: RedisUrl = Field(
        "",
        repr=False,
        description="Redis or its Sentinels; empty: the socket of `superimpose up` in DATA_DIR",
    )
    data_dir: Directory = Field(
        Path("data"), description="where `up` keeps Redis's file, pictures and its key"
    )
    storage_url: StorageUrl = Field(
        "", description="`file:///dir`, or `s3://bucket/prefix` of its own; empty: DATA_DIR"
    )
    redirect_to_bucket: bool = Field(
        False, description="redirect `/pictures/...` to signed URLs of the bucket"
    )

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

    public_url: BaseUrl | None = Field(
        None, description="start of the URLs in answers; unset: the request's Host"
    )
    api_workers: int = Field(1, ge=1, le=64, description="API processes behind one port")
    cell: CellName = Field("", description="name of this cell; new API keys begin with `si_NAME_`")
    dev_api_key: Key | None = Field(None, repr=False, description="a key made valid when the API starts")
    admin_key: AdminKey | None = Field(
        None, repr=False, description="key of the admin API, 20 characters or more; unset: no admin API"
    )
    docs: bool = Field(True, description="serve /docs, /openapi.json and the playground at /")
    rq_dashboard_writes: bool = Field(False, description="let /admin/rq delete and requeue jobs")
    metrics: bool = Field(False, description="serve /metrics on the API's port")
    access_log: bool = Field(False, description="log each call of the API")
    cors_origins: Origins = Field((), description="origins of pages that may call the API; `*`: all")
    trusted_proxies: Networks = Field(
        (), description="networks of proxies whose X-Forwarded-For and -Proto count"
    )
    sync_timeout_s: Wait = Field(25, gt=0, description="wait of POST /v1/superimpose before its 504")
    client_timeout_s: Wait = Field(
        20, gt=0, description="for a client's headers; for a body, plus 1 s per 16 KiB"
    )
    keep_alive_s: Term = Field(5, description="idle time of a connection; longer than a proxy's own")
    max_connections: Count = Field(1000, description="open connections of an API process, then 429 `busy`")
    max_body_bytes: Bytes = Field(32 * MEBIBYTE, ge=1024, description="largest request body")
    max_batch_bytes: Bytes = Field(
        GIBIBYTE, ge=1024, description="largest NDJSON body of a batch; a line: MAX_BODY_BYTES"
    )

    def contradictions(self) -> Iterator[str]:
        if self.admin_key is not None and self.admin_key == self.dev_api_key:
            yield f"{PREFIX}ADMIN_KEY and {PREFIX}DEV_API_KEY must differ: one of them is a client's"


class LimitSettings(Group):
    """Quotas and back-pressure"""

    rate_limit: Rates = Field(Rate(6000, 60), description="submits of a key without a rate of its own")
    rate_limit_reads: Rates = Field(Rate(120_000, 60), description="reads of a key")
    rate_limit_lists: Rates = Field(Rate(600, 60), description="lists of its requests")
    rate_limit_uploads: Rates = Field(Rate(600, 60), description="uploads of a key")
    rate_limit_anonymous: Rates = Field(
        Rate(300, 60), description="calls of an address without a valid key, pictures aside"
    )
    max_waiting: Count = Field(100_000, description="QUEUED requests, then 429 `queue_full`")
    max_waiting_per_key: Count = Field(50_000, description="QUEUED requests of one key")
    credit_cost: int = Field(1, ge=0, le=MAX_CREDITS, description="credits of a COMPLETED request")
    upload_ttl_s: Term = Field(86_400, description="how long an upload is kept")
    upload_quota_bytes: Bytes = Field(GIBIBYTE, description="uploads of a key; 0: not allowed")

    def contradictions(self) -> Iterator[str]:
        if not self.rate_limit <= self.rate_limit_reads:
            yield (
                f"{self._shown('rate_limit')} must not exceed {self._shown('rate_limit_reads')}: "
                "clients poll what they submit"
            )


class JobSettings(Group):
    """Deadlines and attempts"""

    start_timeout_s: Term = Field(
        1800, description="to start, else FAILED `timeout`; X-Start-Timeout overrides it"
    )
    max_start_timeout_s: Term = Field(
        default_factory=lambda given: max(3600, given.get("start_timeout_s", 0)),
        description="largest X-Start-Timeout; unset: 3600, or START_TIMEOUT_S",
    )
    job_timeout_s: Term = Field(
        default_factory=lambda given: min(60, max(1, given.get("start_timeout_s", 120) // 2)),
        description=(
            "from start to end, all attempts together, else FAILED `timeout`; X-Timeout overrides it; "
            "unset: 60, or half of START_TIMEOUT_S"
        ),
    )
    max_job_timeout_s: Term = Field(
        default_factory=lambda given: max(300, given.get("job_timeout_s", 0)),
        description="largest X-Timeout; unset: 300, or JOB_TIMEOUT_S",
    )
    fetch_timeout_s: float = Field(
        default_factory=lambda given: min(20, given.get("job_timeout_s", 60) / 2),
        gt=0,
        description="for one input; unset: 20, or half of JOB_TIMEOUT_S",
    )
    max_attempts: int = Field(3, ge=1, le=20, description="attempts at a job whose worker failed")
    lease_s: float = Field(
        15, ge=1, le=300, description="a worker that does not renew its lease for so long loses the job"
    )
    result_ttl_s: Term = Field(3600, description="how long record and picture are kept after the end")

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

    webhook_secret: MasterSecrets = Field(
        (),
        repr=False,
        description="master secret, 32 characters or more; after a comma former ones; unset: no webhooks",
    )
    webhook_http: bool = Field(False, description="allow `http` in a webhook_url")
    webhook_concurrency: int = Field(
        128, ge=8, le=4096, description="events that `superimpose webhooks` sends at a time"
    )
    max_undelivered_per_key: Count = Field(
        50_000, description="undelivered events of a key, then 429 `queue_full` for a webhook_url"
    )


class LogSettings(Group):
    """Logs"""

    log_format: Literal["json", "console"] | None = Field(
        None, description="`json` or `console`; unset: console on a terminal, else json"
    )
