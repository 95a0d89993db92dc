"""Pictures that a key's owner uploads to use them in requests: published like results, for longer."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from obstore.exceptions import BaseError as StoreError
from redis import Redis
from redis.exceptions import OutOfMemoryError
from redis.typing import EncodableT
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script

MAKE_ROOM = Path(__file__).with_name("upload.lua").read_text()
GIVE_BACK = OOM_EXEMPT + Path(__file__).with_name("upload_undone.lua").read_text()

LEAST_BYTES = 16 * 1024
"""What the smallest upload counts in a quota: Redis keeps 1.1 KB of each, and disks a block."""


class QuotaExceeded(Exception):
    """An upload does not fit into what its key may have stored; sizes in bytes."""

    def __init__(self, used: int, quota: int) -> None:
        super().__init__(f"{used} of {quota} bytes are in use")
        self.used = used
        self.quota = quota


class Upload(NamedTuple):
    """A picture to keep; what it counts in the quota; the token that it gets if it is a new one."""

    data: bytes
    content_type: str
    hashed: str
    token: str

    @classmethod
    def of(cls, data: bytes, content_type: str) -> "Upload":
        return cls(data, content_type, sha256(data).hexdigest(), new_token())

    @property
    def reservation(self) -> tuple[str, int, str]:
        return self.hashed, max(len(self.data), LEAST_BYTES), self.token


class Uploads:
    """Keeps uploads by their content, so that the same picture again is the same upload, kept anew."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._make_room = Script(redis, MAKE_ROOM)
        self._give_back = Script(redis, GIVE_BACK)

    def keep(self, key_id: str, pictures: Sequence[tuple[bytes, str]]) -> list[str]:
        """Keep pictures, each with its content type, for UPLOAD_TTL_S, all or none; their public names.

        Raises `QuotaExceeded`; `redis.RedisError` or `obstore.exceptions.BaseError` if they cannot be kept.
        """
        given = [Upload.of(*picture) for picture in pictures]
        uploads = list({upload.hashed: upload for upload in given}.values())
        tokens, expires_at_ms = self._reserve(key_id, uploads)
        # A request submitted just before it expires still finds it.
        swept_at = expires_at_ms / 1000 + self._settings.longest_life_s
        paths = [self._store.new_path("uploads", upload.hashed, swept_at) for upload in uploads]
        try:
            self._store.put_all(
                [
                    (path, upload.data, upload.content_type)
                    for path, upload in zip(paths, uploads, strict=True)
                ]
            )
            self._publish(zip(tokens, paths, uploads, strict=True), expires_at_ms, key_id)
        except (StoreError, OutOfMemoryError):  # where Redis's answer was lost, they may have been published
            keys = [*_of_key(key_id), *(keyspace.picture(upload.token) for upload in uploads)]
            self._give_back(keys=keys, args=[word for upload in uploads for word in upload.reservation])
            raise
        named = dict(zip((upload.hashed for upload in uploads), tokens, strict=True))
        return [f"{named[each.hashed]}.{each.content_type.removeprefix('image/')}" for each in given]

    def _reserve(self, key_id: str, uploads: Sequence[Upload]) -> tuple[list[str], int]:
        quota = self._settings.upload_quota_bytes
        args: list[EncodableT] = [quota, self._settings.upload_ttl_s * 1000]
        for upload in uploads:
            args += upload.reservation
        answer = self._make_room(keys=_of_key(key_id), args=args)
        if str_if_bytes(answer[0]) == "quota":
            raise QuotaExceeded(int(answer[1]), quota)
        return [str_if_bytes(token) for token in answer[2:]], int(answer[1])

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


def _of_key(key_id: str) -> list[str]:
    return [keyspace.upload_expiries(key_id), keyspace.upload_files(key_id)]
