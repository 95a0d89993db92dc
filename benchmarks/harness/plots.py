"""The plots, as PNG, by matplotlib without a display."""

from collections.abc import Iterable
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 110


def subplots(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, Iterable[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).flat


def plain(panel: Axes) -> None:
    panel.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()
