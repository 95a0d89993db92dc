"""The server of a process: uvicorn's, which says that it will stop before it waits for open answers."""

import logging
import socket
from collections.abc import Callable

import uvicorn


class Server(uvicorn.Server):
    """Calls `before_stop` when it has been told to stop and still answers whoever has asked."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called at SIGTERM and SIGINT."""
        self._before_stop()
        await super().shutdown(sockets)
        logging.shutdown()  # uvicorn ends the process by the signal that it got, and no exit handler runs
