"""Identifies files and checks their limits without a decoder."""

from collections.abc import Mapping

from compositor.decoding.header import Declared, declared, kind
from compositor.errors import ImageTooLarge, InvalidImage
from compositor.limits import FULL_SIZED, Limits


def identify(data: bytes, name: str, limits: Limits) -> str:
    """The format of the file `data` of parameter `name`, by Pillow's name.

    Loads no decoder: a file that passes may still be damaged. Raises `InvalidImage` or `ImageTooLarge`.
    """
    check_bytes(data, name, limits)
    found = kind(data)
    if found is None or found not in limits.formats:
        raise InvalidImage(name, not_allowed(found, limits))
    header = declared(data)
    if header:
        check_header(header, name, limits)
    return found


def check_bytes(data: bytes, name: str, limits: Limits) -> None:
    """Raises `InvalidImage` for an empty file, `ImageTooLarge` for too many bytes."""
    if not data:
        raise InvalidImage(name, "the file is empty; send an image file")
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            name,
            f"{len(data):,} bytes, at most {limits.max_bytes:,}; send a smaller or more compressed file",
        )


def check_header(header: Declared, name: str, limits: Limits) -> None:
    """Raises `InvalidImage` or `ImageTooLarge` if the declared size or depth is not allowed."""
    if header.bits != 8:
        raise InvalidImage(name, f"a {header.bits}-bit JPEG, only 8-bit ones can be read; save it as PNG")
    check_size(header[:2], name, limits)


def check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    """Raises `ImageTooLarge` for more pixels, in total or per side, than allowed."""
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            name,
            f"{width} x {height} = {width * height / 1e6:.4g} MP, at most {limits.max_pixels / 1e6:.4g} MP;"
            " send a smaller picture",
        )
    if max(size) > limits.max_side:
        raise ImageTooLarge(
            name, f"{width} x {height}, at most {limits.max_side} pixels on a side; send a smaller picture"
        )


def declared_pixels(files: dict[str, bytes]) -> dict[str, int]:
    """Pixels of each file whose header declares its size, by the first of its names."""
    distinct = {id(data): (name, data) for name, data in reversed(files.items())}.values()
    return {name: header[0] * header[1] for name, data in distinct if (header := declared(data))}


def check_total(pixels: Mapping[str, int], limits: Limits) -> None:
    """Raises `ImageTooLarge` for the largest input if those of a scene have too many pixels together."""
    total, limit = sum(pixels.values()), FULL_SIZED * limits.max_pixels
    if total > limit:
        raise ImageTooLarge(
            max(pixels, key=pixels.__getitem__),
            f"the largest of pictures that have {total / 1e6:.4g} MP together, at most {limit / 1e6:.4g} MP;"
            " send smaller pictures",
        )


def not_allowed(found: str | None, limits: Limits) -> str:
    allowed = ", ".join(limits.formats)
    if found == "HTML":
        return f"a web page, not a picture; give the address of the image file itself, allowed are {allowed}"
    what = f"{found} file" if found else "not an image file of a known format"
    return f"{what}, allowed are {allowed}; convert it to one of these"
