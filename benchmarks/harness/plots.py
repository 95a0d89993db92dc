"""The style of plots."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#2563eb", "#d97706", "#b91c1c")


def plain(panel: Axes) -> None:
    """Remove the frame and draw horizontal grid lines behind the data."""
    panel.grid(axis="y", color="#e5e7eb")
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
