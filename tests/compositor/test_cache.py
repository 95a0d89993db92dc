"""The cache of decoded inputs."""

import numpy as np
import pytest
from PIL import Image

from compositor import (
    DecodedCache,
    File,
    ImageTooLarge,
    Limits,
    SuperimposeParams,
    SuperimposeRequest,
    Unread,
    render,
    superimpose,
)
from compositor.decoding.decode import Picture, decode
from tests.compositor.pictures import plain, read

PNG = SuperimposeParams(image_format="png", opacity=0.5)


def picture(side: int) -> Picture:
    return Picture(Image.new("RGB", (side, side)), animated=False, credits=b"")


def test_the_same_bytes_are_decoded_once() -> None:
    cache = DecodedCache(10**6)
    base, logo = plain((20, 20), "red"), plain((5, 5), "blue")
    superimpose(base, logo, PNG, cache=cache)
    assert (cache.hits, cache.misses) == (0, 2)
    superimpose(plain((30, 30), "red"), logo, PNG, cache=cache)
    assert (cache.hits, cache.misses) == (1, 3)


def test_owners_do_not_share_pictures() -> None:
    cache = DecodedCache(10**6)
    base, logo = plain((20, 20), "red"), plain((5, 5), "blue")
    hits = []
    for owner in ("a", "b", "a", "b"):
        superimpose(base, logo, PNG, logo, cache=cache, owner=owner)
        hits.append(cache.hits)
    assert hits == [0, 0, 2, 4], "the mask is the logo, which one request decodes once"


def test_a_cached_picture_is_never_modified() -> None:
    cache = DecodedCache(10**7)
    files = [read("made/rgba.png"), read("made/baseline.jpg")]
    for base in files:
        for overlay in files:
            fresh = superimpose(base, overlay, PNG).data
            again = [superimpose(base, overlay, PNG, cache=cache).data for _ in range(3)]
            assert again == [fresh] * 3


def test_a_cached_animation_is_still_reported_as_animated() -> None:
    cache = DecodedCache(10**6)
    base, moving = plain((8, 8), "red"), read("made/animated.gif")
    outs = [superimpose(base, moving, PNG, cache=cache) for _ in range(2)]
    assert [out.animated for out in outs] == [("overlay_image",)] * 2


def test_the_least_recently_used_picture_is_evicted_at_the_limit() -> None:
    cache = DecodedCache(3 * 400)
    for name in (b"a", b"b", b"c", b"a", b"d"):
        cache.get(File(name), lambda _: picture(10))
        assert cache.nbytes <= cache.max_bytes
    assert cache.hits == 1
    cache.get(File(b"a"), lambda _: picture(10))
    assert cache.hits == 2
    cache.get(File(b"b"), lambda _: picture(10))
    assert cache.hits == 2


def test_a_picture_larger_than_the_cache_is_not_cached_and_evicts_nothing() -> None:
    cache = DecodedCache(400)
    cache.get(File(b"small"), lambda _: picture(10))
    large = cache.get(File(b"large"), lambda _: picture(11))
    assert np.asarray(large.image).shape == (11, 11, 3)
    cache.get(File(b"small"), lambda _: picture(10))
    assert cache.hits == 1


def test_an_error_is_not_cached() -> None:
    cache = DecodedCache(400)
    for _ in range(2):
        with pytest.raises(ValueError, match="Width and height"):
            cache.get(File(b"bad"), lambda _: picture(-1))
    assert (cache.hits, cache.nbytes) == (0, 0)


def test_a_base_kept_in_its_colour_space_is_cached_separately() -> None:
    cache = DecodedCache(10**6)
    base, logo = read("made/display-p3.png"), plain((5, 5), "blue")
    kept = SuperimposeParams(image_format="png", keep_icc_profile=True)
    outs = [superimpose(base, logo, params, cache=cache).data for params in (PNG, kept, PNG, kept)]
    assert outs[:2] == outs[2:]
    assert outs[0] != outs[1]


def unread(data: bytes, reads: list[bytes]) -> Unread:
    def read_it() -> bytes:
        reads.append(data)
        return data

    return Unread(File(data).digest, read_it)


def test_a_file_whose_picture_is_cached_is_not_read() -> None:
    cache, reads = DecodedCache(10**6), list[bytes]()
    base, logo = plain((20, 20), "red"), plain((5, 5), "blue")
    first = superimpose(base, logo, PNG, cache=cache)
    assert not cache.holds("us", File(base).digest)
    assert cache.holds("", File(base).digest)

    again = superimpose(unread(base, reads), unread(logo, reads), PNG, cache=cache)

    assert again.data == first.data
    assert not reads


def test_a_file_whose_picture_is_evicted_or_in_other_colours_is_read() -> None:
    cache, reads = DecodedCache(10**6), list[bytes]()
    base, logo = read("made/display-p3.png"), plain((5, 5), "blue")
    kept = SuperimposeParams(image_format="png", keep_icc_profile=True)
    fresh = superimpose(base, logo, kept, cache=DecodedCache(10**6))
    superimpose(base, logo, PNG, cache=cache)

    made = superimpose(unread(base, reads), unread(logo, reads), kept, cache=cache)

    assert made.data == fresh.data
    assert reads == [base]


def test_an_animation_is_read_for_its_frames() -> None:
    cache, reads = DecodedCache(10**6), list[bytes]()
    moving, logo = read("made/animated.gif"), plain((5, 5), "blue")
    film = SuperimposeParams(image_format="webp", animation="keep")
    fresh = superimpose(moving, logo, film, cache=cache)

    made = superimpose(unread(moving, reads), logo, film, cache=cache)

    assert made.data == fresh.data
    assert reads == [moving]


def test_only_the_first_frame_of_an_animation_is_cached() -> None:
    cache = DecodedCache(10**6)
    moving, still = read("made/animated.gif"), plain((5, 5), "blue")
    superimpose(moving, still, PNG, cache=cache)
    assert not cache.holds("", File(moving).digest)
    assert cache.holds("", File(still).digest)


def test_headers_of_unread_files_are_not_needed_for_the_limit() -> None:
    cache, reads = DecodedCache(10**6), list[bytes]()
    logos = [plain((5, 5), colour) for colour in ("blue", "green", "white", "black")]
    scene = SuperimposeRequest.model_validate(
        {"base_image": "b", "image_format": "png", "overlays": [{"overlay_image": f"{n}"} for n in range(4)]}
    ).scene()
    names = scene.inputs
    files = dict(zip(names, [plain((20, 20), "red"), *logos], strict=True))
    fresh = render(scene, files, cache=cache)

    made = render(scene, {name: unread(data, reads) for name, data in files.items()}, cache=cache)

    assert made.data == fresh.data
    assert not reads


def test_cached_inputs_count_towards_the_limit_and_are_named() -> None:
    cache, few = DecodedCache(10**7), Limits(max_pixels=20_000)
    sizes = {"b": (120, 140), **{f"{n}": (100, 110) for n in range(4)}}
    scene = SuperimposeRequest.model_validate(
        {"base_image": "b", "image_format": "png", "overlays": [{"overlay_image": f"{n}"} for n in range(4)]}
    ).scene()
    colours = ("red", "blue", "green", "white", "black")
    pictures = [plain(size, colour) for size, colour in zip(sizes.values(), colours, strict=True)]
    files = dict(zip(scene.inputs, pictures, strict=True))
    with pytest.raises(ImageTooLarge) as fresh:
        render(scene, files, limits=few)
    base = File(files[scene.base])
    cache.get(base, lambda data: decode(data, scene.base, few))
    misses = cache.misses

    with pytest.raises(ImageTooLarge) as held:
        render(scene, files | {scene.base: unread(base.data, [])}, limits=few, cache=cache)

    assert str(held.value) == str(fresh.value)
    assert cache.misses == misses, "nothing was decoded"
