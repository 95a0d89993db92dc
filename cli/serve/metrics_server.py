"""The workers' /metrics, served by the process that starts them."""

from prometheus_client import start_http_server

from cli.serve.listening import CannotListen
from telemetry.exposition import exposed


def serve_metrics(host: str, port: int, directory: str) -> None:
    """Serve the sum over all processes that share `directory`, in a thread. Raises `CannotListen`."""
    try:
        start_http_server(port, host, exposed(directory=directory))
    except OSError as error:
        raise CannotListen(
            f"cannot serve metrics on {host}:{port} ({error.strerror}): "
            "give another SUPERIMPOSE_METRICS_PORT or SUPERIMPOSE_METRICS_HOST"
        ) from None
