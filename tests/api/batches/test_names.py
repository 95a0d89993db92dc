"""File names in an archive: safe on every system, and unique."""

import pytest

from api.batches.names import MAX_BYTES, FileNames, safe_name


@pytest.mark.parametrize(
    ("custom_id", "name"),
    [
        ("sku-4711", "sku-4711"),
        ("Größe №3 ☂", "Größe №3 ☂"),
        ("sku-4711/front", "sku-4711_front"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("/", "_"),
        ("C:\\windows\\system32", "C__windows_system32"),
        ("a\0b\nc\x7fd", "a_b_c_d"),
        ("right\u202eto-left", "right_to-left"),
        ('what?*<|>"', "what______"),
        (" . hidden . ", "hidden"),
        ("NUL", "_NUL"),
        ("con.tar", "_con.tar"),
        ("COM¹", "_COM¹"),
        ("lpt9 ", "_lpt9"),
        ("console", "console"),
        ("A\u030a", "Å"),
    ],
)
def test_a_name_is_safe_on_every_system(custom_id, name):
    assert safe_name(custom_id) == name


@pytest.mark.parametrize("character", ["x", "ö", "☂", "𝄞"])
def test_a_long_name_is_cut_between_characters(character):
    name = safe_name(character * (300 // len(character.encode())))

    assert set(name) == {character}
    assert MAX_BYTES - 4 < len(name.encode()) <= MAX_BYTES


def test_names_are_unique_regardless_of_case():
    names = FileNames("missing.txt")

    given = [
        names.unique(text, ".jpeg")
        for text in ("a", "A", "a", "a-2", "b/c", "b\\c", "\u017f", "s", "ﬁ", "fi")
    ]

    expected = ["a", "A-2", "a-3", "a-2-2", "b_c", "b_c-2", "\u017f", "s-2", "ﬁ", "fi-2"]
    assert given == [f"{name}.jpeg" for name in expected]
    assert names.unique("missing", ".txt") == "missing-2.txt"


def test_five_thousand_equal_names_become_unique():
    names = FileNames()

    assert len({names.unique("same", ".png") for _ in range(5000)}) == 5000
