"""Serves /metrics of the roles without an HTTP API: workers and webhooks."""

from prometheus_client import start_http_server

from cli.serve.listening import CannotListen
from telemetry.metrics import collect


def serve_metrics(host: str, port: int, directory: str | None = None) -> None:
    """Serve in a thread the sum over all processes that share `directory`, or this process's metrics.

    Raises `CannotListen`.
    """
    try:
        start_http_server(port, host, collect(directory=directory))
    except OSError as error:
        raise CannotListen(
            f"cannot serve metrics on {host}:{port} ({error.strerror}): "
            "give another SUPERIMPOSE_METRICS_PORT or SUPERIMPOSE_METRICS_HOST"
        ) from None
