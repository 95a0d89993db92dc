"""Pictures that are uploaded for use in requests: published like results, but for longer."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from obstore.exceptions import BaseError as StoreError
from redis import Redis
from redis.exceptions import OutOfMemoryError
from redis.typing import EncodableT
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.script import OOM_EXEMPT, Script, read_script

MIN_BYTES = 16 * 1024
"""The least that an upload counts in a quota: each takes 1.1 KB in Redis and a block on disk."""


class QuotaExceeded(Exception):
    """An upload exceeds the quota of its key; sizes in bytes."""

    def __init__(self, used: int, quota: int) -> None:
        super().__init__(f"{used} of {quota} bytes are in use")
        self.used = used
        self.quota = quota


class Upload(NamedTuple):
    """A picture to store; `token` becomes its public name unless the same picture is stored already."""

    data: bytes
    content_type: str
    hashed: str
    token: str

    @classmethod
    def of(cls, data: bytes, content_type: str) -> "Upload":
        return cls(data, content_type, sha256(data).hexdigest(), new_token())

    @property
    def reservation(self) -> tuple[str, int, str]:
        """SHA-256, size that counts in the quota, token."""
        return self.hashed, max(len(self.data), MIN_BYTES), self.token


class Uploads:
    """Stores uploads by content: uploading a picture again renews the same upload."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._reserve_quota = Script(redis, read_script("pictures/upload.lua"))
        self._undo = Script(redis, OOM_EXEMPT + read_script("pictures/upload_undone.lua"))

    def add(self, key_id: str, pictures: Sequence[tuple[bytes, str]]) -> list[str]:
        """Store pictures with their content types for UPLOAD_TTL_S, all or none; returns their file names.

        Raises `QuotaExceeded`; `redis.RedisError` or `obstore.exceptions.BaseError` if they cannot be stored.
        """
        given = [Upload.of(*picture) for picture in pictures]
        uploads = list({upload.hashed: upload for upload in given}.values())
        reservations = [word for upload in uploads for word in upload.reservation]
        tokens, expires_at_ms = self._reserve(key_id, reservations)
        # Stored for longer, for requests that are submitted just before an upload expires.
        swept_at = expires_at_ms / 1000 + self._settings.longest_life_s
        paths = [self._store.new_path("uploads", upload.hashed, swept_at) for upload in uploads]
        try:
            files = [(upload.data, upload.content_type) for upload in uploads]
            self._store.put_all([(path, *file) for path, file in zip(paths, files, strict=True)])
            self._publish(zip(tokens, paths, uploads, strict=True), expires_at_ms, key_id)
        except (StoreError, OutOfMemoryError):  # after other Redis errors they may have been published
            keys = [*_quota_keys(key_id), *(keyspace.picture(upload.token) for upload in uploads)]
            self._undo(keys=keys, args=reservations)
            raise
        named = dict(zip((upload.hashed for upload in uploads), tokens, strict=True))
        return [f"{named[each.hashed]}.{each.content_type.removeprefix('image/')}" for each in given]

    def _reserve(self, key_id: str, reservations: Sequence[EncodableT]) -> tuple[list[str], int]:
        quota, ttl_ms = self._settings.upload_quota_bytes, self._settings.upload_ttl_s * 1000
        reply = self._reserve_quota(keys=_quota_keys(key_id), args=[quota, ttl_ms, *reservations])
        if str_if_bytes(reply[0]) == "quota":
            raise QuotaExceeded(int(reply[1]), quota)
        return [str_if_bytes(token) for token in reply[2:]], int(reply[1])

    def _publish(self, published: Iterable[tuple[str, str, Upload]], expires_at_ms: int, key_id: str) -> None:
        with self._redis.pipeline() as pipe:
            for token, path, upload in published:
                fields: dict[EncodableT, EncodableT] = {
                    "path": path,
                    "content_type": upload.content_type,
                    "file_size": len(upload.data),
                    "expires_at": expires_at_ms,
                    "owner": key_id,
                }
                pipe.hset(keyspace.picture(token), mapping=fields)
                pipe.pexpireat(keyspace.picture(token), expires_at_ms)
            pipe.execute()


def _quota_keys(key_id: str) -> list[str]:
    return [keyspace.upload_expiries(key_id), keyspace.upload_files(key_id)]
