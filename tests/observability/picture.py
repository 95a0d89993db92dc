"""docs/pictures/dashboard.png: the dashboard's queries, answered by a real Prometheus and drawn here."""

import threading
import time
from contextlib import suppress
from typing import Any

import httpx
import matplotlib as mpl

from tests.observability.faults import Site, repeating
from tests.observability.prometheus import Prometheus
from tests.observability.promql import DASHBOARD, ROOT

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, PercentFormatter, StrMethodFormatter

LOAD_S = 100
CLIENTS = 4
RATE_INTERVAL = "10s"
UNITS: dict[str, Any] = {
    "s": EngFormatter("s"),
    "bytes": EngFormatter("B"),
    "percentunit": PercentFormatter(1),
    "reqps": StrMethodFormatter("{x:g}"),
    "short": StrMethodFormatter("{x:g}"),
}


def draw_under_load(site: Site, prometheus: Prometheus) -> None:
    """Clients that submit, fetch and get events, with some errors, and a worker that is away for a while."""
    began = time.time()
    until = time.monotonic() + LOAD_S
    clients = [threading.Thread(target=_client, args=(site, until)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    with repeating(lambda: site.submit(1, base_image=f"{site.origin.url}/page.html"), every_s=0.5):
        time.sleep(LOAD_S * 0.4)
        site.stop(-1)
        time.sleep(LOAD_S * 0.1)
        site.start_worker()
        for client in clients:
            client.join()
    path = ROOT / "docs/pictures/dashboard.png"
    draw(prometheus, began, time.time(), str(path))
    print(path)


def _client(site: Site, until: float) -> None:
    with httpx.Client(base_url=site.stack.url, headers=site.stack.client.headers, trust_env=False) as client:
        while time.monotonic() < until:
            with suppress(httpx.HTTPError, KeyError):
                body = {**site.samples, "webhook_url": f"{site.origin.url}/hook"}
                answer = client.post("/v2/superimpose", json=body).json()
                while client.get(answer["status_url"]).json()["status"] in ("QUEUED", "PROCESSING"):
                    time.sleep(0.05)
                client.get(client.get(answer["response_url"]).json()["output"])


def draw(prometheus: Prometheus, start: float, end: float, path: str) -> None:
    """The panels that have lines, three in a row as on the dashboard."""
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] == "timeseries"]
    rows = -(-len(panels) // 3)
    figure, axes = plt.subplots(rows, 3, figsize=(16, 2.6 * rows), constrained_layout=True)
    for panel, axis in zip(panels, axes.flat, strict=False):
        _draw_panel(prometheus, panel, axis, start, end)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _draw_panel(prometheus: Prometheus, panel: dict[str, Any], axis: Axes, start: float, end: float) -> None:
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", RATE_INTERVAL).replace("[5m]", "[30s]")
        for series in prometheus.series(query, start, end, step_s=1):
            points = [(float(at) - start, float(value)) for at, value in series["values"]]
            name = target["legendFormat"]
            for label, value in series["metric"].items():
                name = name.replace("{{" + label + "}}", value)
            axis.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
    axis.set_title(panel["title"], fontsize=10, loc="left")
    axis.set_xlim(0, end - start)
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(UNITS[panel["fieldConfig"]["defaults"]["unit"]])
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[1]:
        axis.legend(fontsize=6, loc="best", ncols=2, framealpha=0.6)
