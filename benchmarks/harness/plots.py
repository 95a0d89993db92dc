"""The style of plots."""

from io import BytesIO

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#2563eb", "#d97706", "#b91c1c")

mpl.rcParams |= {
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,  # grid lines lie behind the data
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e5e7eb",
    "legend.frameon": False,
}


def png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
