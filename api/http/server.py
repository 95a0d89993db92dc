"""uvicorn's server, with a hook that runs when a shutdown begins."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn

LAST_CALL_S = 0.5
"""How long connections accepted before the listeners closed may take to send their request."""

log = logging.getLogger("superimpose.api")


class Server(uvicorn.Server):
    """Calls `before_stop` when a shutdown begins, and still answers requests on open connections.

    These include connections that the kernel has accepted and the loop has not: they would be reset, or
    closed before their request is read, and a proxy does not repeat a POST.
    """

    def __init__(self, config: uvicorn.Config, url: str, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._url = url
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            log.info("answering at %s", self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        accepted = [connection for listener in sockets or [] for connection in _accepted(listener)]
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        loop = asyncio.get_running_loop()
        for connection in accepted:
            with contextlib.suppress(OSError):  # the client has disconnected
                await loop.connect_accepted_socket(self._protocol, connection)
        await asyncio.sleep(LAST_CALL_S)
        await super().shutdown(sockets)
        logging.shutdown()  # uvicorn re-raises the signal, which ends the process without exit handlers

    def _protocol(self) -> asyncio.Protocol:
        """Created as uvicorn does for each connection."""
        protocol: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that the kernel has accepted and the loop has not."""
    listener.setblocking(False)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        yield connection
