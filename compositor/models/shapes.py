"""Field types for places on the base, as fractions of its sides."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

FLAT = 1e-9
"""Twice the area of a corner's triangle, as a fraction of the base, up to which the corner counts as flat."""

Fraction = Annotated[float, Field(ge=-16, le=16)]


def _with_area(region: list[float]) -> list[float]:
    if min(region[2:]) <= 0:
        raise ValueError("width and height must be greater than 0")
    return region


Point = Annotated[list[Annotated[float, Field(ge=-1, le=2)]], Field(min_length=2, max_length=2)]


def _convex(corners: list[list[float]]) -> list[list[float]]:
    """Every corner must turn right, with y pointing down."""
    sides = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]])]
    turns = [x1 * y2 - y1 * x2 for (x1, y1), (x2, y2) in pairwise([*sides, sides[0]])]
    if min(turns) <= FLAT:
        raise ValueError("must be a convex quadrilateral, clockwise from the top left")
    return corners


Corners = Annotated[list[Point], Field(min_length=4, max_length=4), AfterValidator(_convex)]
Region = Annotated[list[Fraction], Field(min_length=4, max_length=4), AfterValidator(_with_area)]
