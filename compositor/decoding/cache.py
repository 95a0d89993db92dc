"""Decoded inputs, kept for the next job of the same owner that sends the same bytes."""

from collections import OrderedDict
from collections.abc import Callable

from compositor.decoding.decode import Colours, Picture
from compositor.file import File

Key = tuple[str, bytes, Colours]
"""Owner, hash of the file, what became of its colours."""


class DecodedCache:
    """The decoded pictures used last, by their owner and the hash of their files' bytes.

    One owner's picture is not found for another: a hit, or the time it saves, would say that somebody else
    has sent this file. They take at most `max_bytes` of memory together. `hits` and `misses` count the
    look-ups. For one thread, but for `peek` and `holds`.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self.hits = 0
        self.misses = 0
        self._pictures: OrderedDict[Key, Picture] = OrderedDict()

    def get(
        self,
        file: File,
        decode: Callable[[bytes], Picture],
        owner: str = "",
        colours: Colours = Colours.SRGB,
    ) -> Picture:
        """The picture in a file, by `decode` where it is not held; another for other `colours`."""
        key = owner, file.digest, colours
        if key in self._pictures:
            self.hits += 1
            self._pictures.move_to_end(key)
            return self._pictures[key]
        self.misses += 1
        picture = decode(file.data)
        self._keep(key, picture)
        return picture

    def peek(self, owner: str, digest: bytes, colours: Colours) -> Picture | None:
        """The picture if it is held, which counts as no look-up. Any thread may ask."""
        return self._pictures.get((owner, digest, colours))

    def holds(self, owner: str, digest: bytes) -> bool:
        """Whether an owner's file need not be read: a still picture that is held, in some colours."""
        held = [self.peek(owner, digest, colours) for colours in Colours]
        return any(picture and not picture.animated for picture in held)

    def _keep(self, key: Key, picture: Picture) -> None:
        if picture.nbytes > self.max_bytes:
            return
        self._pictures[key] = picture
        self.nbytes += picture.nbytes
        while self.nbytes > self.max_bytes:
            self.nbytes -= self._pictures.popitem(last=False)[1].nbytes
