"""Replaces the pictures of a body by references for the job; inline pictures go to the store."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.pictures import inputs
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.connection import redis_time

SLACK_S = 60  # from storing a picture to creating the record that uses it

NO_JPEG = '"keep" needs a JPEG file as base_image; give a number from 1 to 100'


class InvalidPictures(ValueError):
    """One or more pictures of a request cannot be used; `faults` maps parameter to text."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {fault}" for name, fault in faults.items()))
        self.faults = faults


class Reference(NamedTuple):
    """The reference of a picture in a job; `is_jpeg` None: unknown."""

    text: str
    is_jpeg: bool | None = None

    @property
    def is_no_jpeg(self) -> bool:
        """Whether the picture is known not to be a JPEG file."""
        if self.text.startswith(inputs.SAMPLE):
            sample = inputs.sample_bytes(self.text.removeprefix(inputs.SAMPLE))
            return sample is not None and not _is_jpeg(sample)
        return self.is_jpeg is False


@dataclass(frozen=True)
class Sender:
    """The owner of pictures, the URL under which our own are served, and how long they are needed."""

    key_id: str
    origin: str
    life_s: float


class References:
    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._store = store
        self._rules = inputs.InputRules(settings)

    def resolve(
        self,
        params: Mapping[str, Any],
        pictures: Mapping[str, str],
        sender: Sender,
        stored: list[str] | None,
        known: Mapping[str, Reference] = {},
    ) -> dict[str, Any]:
        """Replace `pictures`, which `inputs.pictures` found in `params`, by their references.

        Adds the paths of stored pictures to `stored`; if that is None, nothing is stored. `known` has
        references by the client's text. Raises `InvalidPictures`, `redis.RedisError`,
        `obstore.exceptions.BaseError`.
        """
        unknown = {path: text for path, text in pictures.items() if text not in known}
        new = self.resolve_pictures(unknown, sender, stored)
        found = {text: new.get(text) or known[text] for text in pictures.values()}
        if params.get("image_quality") == "keep" and found[pictures["base_image"]].is_no_jpeg:
            raise InvalidPictures({"image_quality": NO_JPEG})
        references = {path: found[text].text for path, text in pictures.items()}
        return inputs.with_pictures(params, references)

    def resolve_pictures(
        self, pictures: Mapping[str, str], sender: Sender, stored: list[str] | None
    ) -> dict[str, Reference]:
        """References by the client's text. Raises as `resolve`."""
        found, inline, faults = self._read(pictures.values(), sender)
        if faults:
            raise InvalidPictures({path: faults[text] for path, text in pictures.items() if text in faults})
        new = self._store_inline(inline, sender, stored) if inline and stored is not None else {}
        return found | {text: Reference(new.get(text, ""), _is_jpeg(data)) for text, data in inline.items()}

    def resolve_urls(self, urls: Iterable[str], sender: Sender) -> dict[str, Reference]:
        """References of the valid ones of many URLs, in one round trip. Raises `redis.RedisError`."""
        return self._read(urls, sender)[0]

    def _read(
        self, texts: Iterable[str], sender: Sender
    ) -> tuple[dict[str, Reference], dict[str, bytes], dict[str, str]]:
        """References, inline files and faults, each by the client's text."""
        found, inline, tokens, faults = dict[str, Reference](), {}, {}, {}
        for text in dict.fromkeys(texts):
            try:
                match self._rules.read(text, sender.origin):
                    case bytes(data):
                        inline[text] = data
                    case inputs.OwnPicture(token):
                        tokens[text] = token
                    case reference:
                        found[text] = Reference(reference)
            except inputs.InvalidInput as fault:
                faults[text] = str(fault)
        own = self._own(tokens, sender.key_id)
        faults |= {text: inputs.NO_OWN_PICTURE for text in tokens if text not in own}
        return found | own, inline, faults

    def _own(self, tokens: Mapping[str, str], key_id: str) -> dict[str, Reference]:
        if not tokens:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for token in tokens.values():
                pipe.hmget(keyspace.picture(token), "path", "owner", "content_type")
            found = dict(zip(tokens, pipe.execute(), strict=True))
        return {
            text: Reference(inputs.STORE + str_if_bytes(path), str_if_bytes(content_type) == "image/jpeg")
            for text, (path, owner, content_type) in found.items()
            if path is not None and owner is not None and str_if_bytes(owner) == key_id
        }

    def _store_inline(self, inline: Mapping[str, bytes], sender: Sender, stored: list[str]) -> dict[str, str]:
        expires_at = redis_time(self._redis) + sender.life_s + SLACK_S
        paths = {text: self._store.new_path("inputs", new_token(), expires_at) for text in inline}
        stored += paths.values()
        self._store.put_all([(paths[text], data, None) for text, data in inline.items()])
        return {text: inputs.STORE + path for text, path in paths.items()}


def _is_jpeg(file: bytes) -> bool:
    return file.startswith(b"\xff\xd8\xff")
