"""Keeps one process of the service running, as a supervisor would."""

import asyncio
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

WATCH_S = 0.05
PAUSE_S = 0.5
STOP_S = 20


@dataclass
class Role:
    """A process that is restarted after a pause whenever it ends."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: IO[bytes]
    ready_url: str | None = None
    """Answers once the process works; a worker without one works once it has a child."""
    extra_env: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of the next start."""
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the current fault of this process."""
    unexpected: Counter[int] = field(default_factory=Counter)
    """Exit statuses that no fault caused."""
    _process: "subprocess.Popen[bytes] | None" = None
    _is_ending: bool = False
    _leaving: bool = False

    @property
    def pid(self) -> int:
        """The pid of the current or last process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    async def keep(self) -> None:
        """Run and restart the process until `leave` is called."""
        while not self._leaving:
            self._start()
            await self.ended()
            if not self._is_ending:
                self.unexpected[self._end()] += 1
            await asyncio.sleep(PAUSE_S)

    async def leave(self) -> bool:
        """Stop for good, by SIGTERM, then SIGKILL; returns whether SIGTERM was enough."""
        self._leaving = True
        self.end(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), STOP_S)
        except TimeoutError:
            self.end(signal.SIGKILL)
            self._end()
            return False
        return True

    def end(self, number: signal.Signals) -> None:
        """End the process by a signal."""
        self._is_ending = True
        if self.running:
            os.kill(self.pid, number)

    async def ended(self) -> None:
        """Wait for the end of the current process."""
        process = self._process
        while process is not None and process.poll() is None:
            await asyncio.sleep(WATCH_S)

    def _start(self) -> None:
        self._is_ending = False
        self._process = subprocess.Popen(
            self.command, env={**self.env, **self.extra_env}, stdout=self.log, stderr=self.log
        )

    def _end(self) -> int:
        assert self._process is not None
        return self._process.wait()
