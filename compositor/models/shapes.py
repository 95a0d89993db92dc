"""Field types of places on the base, in fractions of it."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

FLAT = 1e-9
"""Twice the area, in parts of the base's, of a triangle too flat to be a corner."""

Fraction = Annotated[float, Field(ge=-16, le=16)]


def _with_area(region: list[float]) -> list[float]:
    if min(region[2:]) <= 0:
        raise ValueError("width and height must be greater than 0")
    return region


Point = Annotated[list[Annotated[float, Field(ge=-1, le=2)]], Field(min_length=2, max_length=2)]


def _convex(corners: list[list[float]]) -> list[list[float]]:
    """All turns from side to side are to the right, y pointing down."""
    sides = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]])]
    turns = [x1 * y2 - y1 * x2 for (x1, y1), (x2, y2) in pairwise([*sides, sides[0]])]
    if min(turns) <= FLAT:
        raise ValueError("must be a convex quadrilateral, clockwise from the top left")
    return corners


Corners = Annotated[list[Point], Field(min_length=4, max_length=4), AfterValidator(_convex)]
Region = Annotated[list[Fraction], Field(min_length=4, max_length=4), AfterValidator(_with_area)]
