"""The types of settings: how their text is parsed, and which values are allowed."""

import re
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from jobs.config.hosts import base_url, canonical_host, host_pattern, origin, port_ranges
from jobs.keys.rates import RateField

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE
TEBIBYTE = 1024 * GIBIBYTE
DAY_S = 86_400
YEAR_S = 365 * DAY_S

BUCKETS = ("s3", "gs", "az", "abfs", "abfss")  # schemes of writable stores that can sign URLs


def _split(value: object) -> object:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _not_empty(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must name at least one")
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError("must be a network such as 10.0.0.0/8 or fd00::/8") from None


def _cors_origin(value: str) -> str:
    return value if value == "*" else origin(value)


def _ports(value: str) -> str:
    port_ranges(value)
    return value


def _host(value: str) -> str:
    try:
        return canonical_host(value)
    except ValueError:
        raise ValueError("must be an address or a host name") from None


def _format(value: str) -> str:
    if value == "HEIF" and find_spec("pillow_heif") is None:
        raise ValueError("needs the package pillow-heif: pip install '.[heif]' in the clone")
    return value


def _matching(pattern: str, rule: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must {rule}")
        return value

    return AfterValidator(check)


def _directory(value: Path) -> Path:
    try:
        usable = value.is_dir() or not value.exists()
    except OSError as error:  # no access to a parent directory, or the name is too long
        raise ValueError(f"cannot be used: {error.strerror}") from None
    if not usable:
        raise ValueError("must be a directory, or a path where one can be created")
    return value.absolute()


def _storage_url(value: str) -> str:
    if value and not _is_storage_url(value):
        raise ValueError(
            "must be file:///DIRECTORY, or a bucket as s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, "
            "az://CONTAINER/PREFIX (with AZURE_STORAGE_ACCOUNT_NAME) or "
            "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX, its keys in the variables of its vendor"
        )
    return value


def _is_storage_url(value: str) -> bool:
    from obstore.exceptions import BaseError as StoreError
    from obstore.store import from_url  # takes 30 ms, and only buckets need it

    try:
        url = urlsplit(value)
        names_account = url.scheme in ("abfs", "abfss") and ":" not in url.netloc
        if ("@" in url.netloc and not names_account) or "?" in value or "#" in value:
            return False
        if url.scheme == "file":
            return not url.netloc and url.path.startswith("/")
        return url.scheme in BUCKETS and bool(from_url(value))
    except (StoreError, ValueError):
        return False


def _redis_url(value: str) -> str:
    """Checked here because redis-py's errors quote passwords that it takes for a host or a port."""
    if value and not _is_redis_url(value):
        raise ValueError(
            "must be redis://, rediss:// or unix://, or redis+sentinel:// or rediss+sentinel:// followed by "
            "HOST:PORT,HOST:PORT/SERVICE/DB; user and password %-encoded; of options those of redis-py"
        )
    return value


def _is_redis_url(value: str) -> bool:
    from redis import RedisError  # imported late: child processes do not use it

    from jobs.redis.connection import open_redis

    try:
        url = urlsplit(value)
        if url.fragment or "decode_responses" in parse_qs(url.query):  # write `#` in a password as %23
            return False
        if "sentinel" not in url.scheme:
            readable = url.port != 0 and ("@" in url.netloc or "@" not in value or url.scheme == "unix")
            if not readable or (url.scheme != "unix" and not re.fullmatch(r"/?\d*/?", url.path, re.ASCII)):
                return False
        open_redis(value).connection_pool.make_connection()  # parses all options without connecting
    except (RedisError, TypeError, ValueError):
        return False
    return True


_T = TypeVar("_T")
CommaSeparated = Annotated[tuple[_T, ...], NoDecode, BeforeValidator(_split)]
Labels = Annotated[CommaSeparated[str], AfterValidator(_not_empty)]
Networks = CommaSeparated[Annotated[str, AfterValidator(_network)]]
Origins = CommaSeparated[Annotated[str, AfterValidator(_cors_origin)]]
HostPatterns = CommaSeparated[Annotated[str, AfterValidator(host_pattern)]]
Format = Annotated[
    Literal["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "JPEG2000", "HEIF"],
    AfterValidator(_format),
]
Formats = Annotated[CommaSeparated[Format], AfterValidator(_not_empty)]
Rates = Annotated[RateField, NoDecode]
Ports = Annotated[str, AfterValidator(_ports)]
Host = Annotated[str, AfterValidator(_host)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
StorageUrl = Annotated[str, AfterValidator(_storage_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
_IN_HEADER = _matching("[!-~]([ -~]*[!-~])?", "be printable ASCII: it is sent in a header")
_NO_SPACES = _matching("[^ ]*", "be without spaces: it is sent in a header")
HeaderText = Annotated[str, _IN_HEADER]
Key = Annotated[str, _NO_SPACES, _IN_HEADER]
CellName = Annotated[
    str,
    _matching("[a-z0-9]{0,16}", "be up to 16 lower-case letters and digits: it is part of keys and paths"),
]
MasterSecrets = CommaSeparated[Annotated[str, Field(min_length=32), _NO_SPACES, _IN_HEADER]]
AdminKey = Annotated[str, Field(min_length=20), _NO_SPACES, _IN_HEADER]
Callable = Annotated[
    str, _matching(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", "look like package.module:callable")
]
Directory = Annotated[Path, AfterValidator(_directory)]
Bytes = Annotated[int, Field(ge=0, le=TEBIBYTE)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Wait = Annotated[float, Field(ge=0, le=DAY_S)]  # seconds to wait
Term = Annotated[int, Field(ge=1, le=YEAR_S)]  # seconds of a deadline or a TTL
