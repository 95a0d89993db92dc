"""The plots, as PNG, by matplotlib without a display."""

from collections.abc import Container, Iterable, Mapping
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, GREY = "#2563eb", "#b8bcc4"
DPI = 110


def subplots(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, Iterable[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).flat


def bars(
    panel: Axes, values: Mapping[str, float], ours: Container[str], unit: str, *, less_is_better: bool = False
) -> None:
    """One for each contestant, the best on top, ours in blue."""
    names = sorted(values, key=values.__getitem__, reverse=less_is_better)
    drawn = panel.barh(
        [name.replace(", ", ",\n") for name in names],
        [values[name] for name in names],
        color=[BLUE if name in ours else GREY for name in names],
    )
    panel.bar_label(drawn, fmt="%.0f" if max(values.values(), default=0) > 20 else "%.1f", padding=3)
    panel.set_xlabel(unit)
    panel.margins(x=0.12)
    plain(panel)


def plain(panel: Axes) -> None:
    panel.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()
