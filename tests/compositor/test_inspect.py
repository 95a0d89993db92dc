"""The pictures that `inspect` gets during rendering."""

import numpy as np
import pytest
from PIL import Image

from compositor import DecodedCache, Inspect, SuperimposeParams, superimpose
from tests.compositor.pictures import pixels, plain, read

PNG = SuperimposeParams(image_format="png")
BASE, LOGO, MASK = plain((20, 20), "red"), plain((5, 5), "blue"), plain((5, 5), "white")


class Stop(Exception):
    """An error of an inspector."""


def recorder(shown: list[str]) -> Inspect:
    def inspect(name: str, picture: Image.Image) -> None:
        shown.append(name)

    return inspect


def stopper(at: str) -> Inspect:
    def inspect(name: str, picture: Image.Image) -> None:
        if name == at:
            raise Stop(name)

    return inspect


def test_inspect_gets_every_input_by_name_and_then_the_output():
    shown: list[str] = []

    out = superimpose(BASE, LOGO, PNG, MASK, inspect=recorder(shown))

    assert shown == ["base_image", "overlay_image", "mask", "output"]
    assert out.data == superimpose(BASE, LOGO, PNG, MASK).data
    assert set(out.seconds) == {"decode", "inspect", "compose", "encode"}


@pytest.mark.parametrize("name", ["base_image", "overlay_image", "mask", "output"])
def test_errors_of_the_inspector_are_not_wrapped(name):
    with pytest.raises(Stop, match=name):
        superimpose(BASE, LOGO, PNG, MASK, inspect=stopper(name))


def test_the_inspected_output_is_the_encoded_one():
    shown = {}

    out = superimpose(BASE, LOGO, PNG, inspect=lambda name, picture: shown.update({name: picture.copy()}))

    assert (np.asarray(shown["output"]) == pixels(out.data)).all()


def test_a_picture_kept_in_its_own_colour_space_is_inspected_in_srgb():
    base = read("made/display-p3.png")
    shown = {}

    superimpose(
        base,
        LOGO,
        SuperimposeParams(image_format="png", keep_icc_profile=True, opacity=0),
        inspect=lambda name, picture: shown.update({name: picture.copy()}),
    )

    converted = pixels(superimpose(base, LOGO, SuperimposeParams(image_format="png", opacity=0)).data)
    assert (np.asarray(shown["base_image"]) == converted).all()
    assert (np.asarray(shown["output"]) == converted).all()


def test_a_cached_input_that_passed_is_inspected_again_only_under_another_name():
    cache, shown = DecodedCache(10**6), list[str]()
    for base, logo in ((BASE, LOGO), (BASE, LOGO), (LOGO, BASE)):
        superimpose(base, logo, PNG, cache=cache, inspect=recorder(shown))

    assert shown == [
        *("base_image", "overlay_image", "output"),
        "output",
        *("base_image", "overlay_image", "output"),
    ]
    assert (cache.hits, cache.misses) == (4, 2)


def test_a_cached_input_that_was_blocked_is_blocked_each_time():
    cache = DecodedCache(10**6)
    superimpose(BASE, LOGO, PNG, cache=cache)
    for _ in range(2):
        with pytest.raises(Stop):
            superimpose(BASE, LOGO, PNG, cache=cache, inspect=stopper("overlay_image"))
