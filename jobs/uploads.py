"""Pictures that a key's owner uploads to use them in requests: published like results, for longer."""

from hashlib import sha256
from pathlib import Path

from redis import Redis
from redis.typing import EncodableT
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.script import Script
from jobs.settings import Settings
from jobs.store import PictureStore, new_token

SCRIPT = Path(__file__).with_name("upload.lua").read_text()

LEAST_BYTES = 16 * 1024
"""What the smallest upload counts in a quota: Redis keeps 1.1 KB of each, and disks a block."""


class QuotaExceeded(Exception):
    """An upload does not fit into what its key may have stored; sizes in bytes."""

    def __init__(self, used: int, quota: int) -> None:
        super().__init__(f"{used} of {quota} bytes are in use")
        self.used = used
        self.quota = quota


class Uploads:
    """Keeps uploads by their content, so that the same picture again is the same upload, kept anew."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._make_room = Script(redis, SCRIPT)

    def keep(self, key_id: str, data: bytes, content_type: str) -> str:
        """Keep a picture for UPLOAD_TTL_S and return its public name.

        Raises `QuotaExceeded`; `redis.RedisError` or `obstore.exceptions.BaseError` if it cannot be kept.
        """
        hashed = sha256(data).hexdigest()
        token, expires_at_ms = self._reserve(key_id, hashed, len(data))
        # A request made at the last moment still finds it.
        swept_at = expires_at_ms / 1000 + self._settings.longest_life_s
        path = self._store.new_path("uploads", hashed, swept_at)
        self._store.put(path, data, content_type)
        self._publish(token, path, content_type, len(data), expires_at_ms, key_id)
        return f"{token}.{content_type.removeprefix('image/')}"

    def _reserve(self, key_id: str, hashed: str, size: int) -> tuple[str, int]:
        quota = self._settings.upload_quota_bytes
        keys = [keyspace.upload_expiries(key_id), keyspace.upload_files(key_id)]
        args: list[EncodableT] = [
            hashed,
            max(size, LEAST_BYTES),
            new_token(),
            quota,
            self._settings.upload_ttl_s * 1000,
        ]
        answer = self._make_room(keys=keys, args=args)
        if str_if_bytes(answer[0]) == "quota":
            raise QuotaExceeded(int(answer[1]), quota)
        return str_if_bytes(answer[1]), int(answer[2])

    def _publish(
        self, token: str, path: str, content_type: str, size: int, expires_at_ms: int, key_id: str
    ) -> None:
        published: dict[EncodableT, EncodableT] = {
            "path": path,
            "content_type": content_type,
            "file_size": size,
            "expires_at": expires_at_ms,
            "owner": key_id,
        }
        with self._redis.pipeline() as pipe:
            pipe.hset(keyspace.picture(token), mapping=published)
            pipe.pexpireat(keyspace.picture(token), expires_at_ms)
            pipe.execute()
