"""Decodes the inputs of a scene, each file once, and caches them for later scenes."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

from compositor.decoding.decode import Colours, Picture, decode
from compositor.decoding.identify import check_total, declared
from compositor.files import FULL_SIZED, File, Limits
from compositor.scene import Scene

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


def decode_inputs(
    scene: Scene, files: Mapping[str, File], limits: Limits, cache: DecodedCache | None, owner: str
) -> dict[str, Picture]:
    """The pictures of a scene by name, of which names may share one.

    Raises `ImageTooLarge` if they have too many pixels together, before decoding if the headers tell.
    """
    colours = dict.fromkeys(scene.inputs, Colours.SRGB)
    colours |= {layer.displacement.map: Colours.RAW for layer in scene.layers if layer.displacement}
    if scene.output.keeps_profile:
        colours[scene.base] = Colours.OWN
    pixels: dict[str, int] = {}
    if len(colours) > FULL_SIZED:
        first_names = {id(files[name]): name for name in reversed(colours)}.values()
        for name in reversed(first_names):
            known = cache.peek(owner, files[name].digest, colours[name]) if cache else None
            size = known.image.size if known else declared(files[name].data)
            if size:
                pixels[name] = size[0] * size[1]
        check_total(pixels, limits)
    pictures: dict[tuple[int, Colours], Picture] = {}
    for name, space in colours.items():
        file = files[name]
        if (id(file), space) not in pictures:
            decoded = partial(decode, name=name, limits=limits, colours=space)
            picture = cache.get(file, decoded, owner, space) if cache else decoded(file.data)
            pictures[id(file), space] = picture
            pixels.setdefault(name, picture.image.width * picture.image.height)
            check_total(pixels, limits)  # again, for formats whose headers are not read
    return {name: pictures[id(files[name]), space] for name, space in colours.items()}
