"""A cache of decoded inputs."""

from collections import OrderedDict
from collections.abc import Callable

from compositor.decoding.decode import Colours, Picture
from compositor.file import File

Key = tuple[str, bytes, Colours]
"""Owner, SHA-256 of the file, and colour conversion."""


class DecodedCache:
    """The most recently used decoded pictures, by owner and SHA-256 of their files, at most `max_bytes`.

    Owners do not share pictures: the time that a hit saves would reveal that another owner sent the same
    file. `hits` and `misses` count the look-ups. Only `peek` and `holds` are thread-safe.
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
        """The cached picture of a file with `colours`, or the one that `decode` returns."""
        key = owner, file.digest, colours
        if key in self._pictures:
            self.hits += 1
            self._pictures.move_to_end(key)
            return self._pictures[key]
        self.misses += 1
        picture = decode(file.data)
        self._add(key, picture)
        return picture

    def peek(self, owner: str, digest: bytes, colours: Colours) -> Picture | None:
        """The picture if it is cached; not counted as a look-up. Thread-safe."""
        return self._pictures.get((owner, digest, colours))

    def holds(self, owner: str, digest: bytes) -> bool:
        """Whether an owner's file need not be read: it is not animated, and cached with any colours."""
        cached = [self.peek(owner, digest, colours) for colours in Colours]
        return any(picture and not picture.animated for picture in cached)

    def _add(self, key: Key, picture: Picture) -> None:
        if picture.nbytes > self.max_bytes:
            return
        self._pictures[key] = picture
        self.nbytes += picture.nbytes
        while self.nbytes > self.max_bytes:
            self.nbytes -= self._pictures.popitem(last=False)[1].nbytes
