"""Decoded inputs kept between jobs."""

import numpy as np
import pytest
from PIL import Image

from compositor import DecodedCache, SuperimposeParams, superimpose
from compositor.decoding.decode import Picture
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


def test_what_one_owner_sent_is_not_found_for_another() -> None:
    cache = DecodedCache(10**6)
    base, logo = plain((20, 20), "red"), plain((5, 5), "blue")
    hits = []
    for owner in ("a", "b", "a", "b"):
        superimpose(base, logo, PNG, logo, cache=cache, owner=owner)
        hits.append(cache.hits)
    assert hits == [0, 0, 2, 4], "the mask is the logo, which one request decodes once"


def test_a_cached_picture_is_never_drawn_on() -> None:
    cache = DecodedCache(10**7)
    files = [read("made/rgba.png"), read("made/baseline.jpg")]
    for base in files:
        for overlay in files:
            fresh = superimpose(base, overlay, PNG).data
            again = [superimpose(base, overlay, PNG, cache=cache).data for _ in range(3)]
            assert again == [fresh] * 3


def test_an_animation_is_called_one_from_the_cache_too() -> None:
    cache = DecodedCache(10**6)
    base, moving = plain((8, 8), "red"), read("made/animated.gif")
    outs = [superimpose(base, moving, PNG, cache=cache) for _ in range(2)]
    assert [out.animated for out in outs] == [("overlay_image",)] * 2


def test_memory_is_bounded_and_the_picture_used_longest_ago_goes_first() -> None:
    cache = DecodedCache(3 * 400)
    for name in (b"a", b"b", b"c", b"a", b"d"):
        cache.get(name, lambda: picture(10))
        assert cache.nbytes <= cache.max_bytes
    assert cache.hits == 1
    cache.get(b"a", lambda: picture(10))
    assert cache.hits == 2
    cache.get(b"b", lambda: picture(10))
    assert cache.hits == 2


def test_a_picture_larger_than_the_cache_is_not_kept_and_evicts_nothing() -> None:
    cache = DecodedCache(400)
    cache.get(b"small", lambda: picture(10))
    large = cache.get(b"large", lambda: picture(11))
    assert np.asarray(large.image).shape == (11, 11, 3)
    cache.get(b"small", lambda: picture(10))
    assert cache.hits == 1


def test_an_error_is_not_kept() -> None:
    cache = DecodedCache(400)
    for _ in range(2):
        with pytest.raises(ValueError, match="Width and height"):
            cache.get(b"bad", lambda: picture(-1))
    assert (cache.hits, cache.nbytes) == (0, 0)


def test_a_base_in_its_own_colour_space_is_another_picture() -> None:
    cache = DecodedCache(10**6)
    base, logo = read("made/display-p3.png"), plain((5, 5), "blue")
    kept = SuperimposeParams(image_format="png", keep_icc_profile=True)
    outs = [superimpose(base, logo, params, cache=cache).data for params in (PNG, kept, PNG, kept)]
    assert outs[:2] == outs[2:]
    assert outs[0] != outs[1]
