"""httpx's transport on a pool whose connections are all made by `CheckedNetwork`."""

import ssl
from collections.abc import Iterator

import httpcore
import httpx

from worker.fetch.network import CheckedNetwork

CONNECTIONS = 48  # what is fetched ahead, and what is needed now
IDLE_S = 30.0


class CheckedTransport(httpx.BaseTransport):
    """Sends httpx requests; errors stay httpcore's, which tell a refused connection from a broken one."""

    def __init__(self, network: CheckedNetwork, ssl_context: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=IDLE_S,
            network_backend=network,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
