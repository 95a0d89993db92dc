"""A signal ends the current pause and no other."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.redis.sentinels import until
from worker.bell import end_pauses_at_signals, pause


@pytest.fixture
def signals():
    """Counts SIGUSR1."""
    came = list[int]()
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    end_pauses_at_signals()
    pause(0)  # ends by what a signal of an earlier test left
    yield came
    signal.signal(signal.SIGUSR1, before)
    signal.set_wakeup_fd(-1)


def test_a_signal_ends_one_pause_only(signals):
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
    pause(1000)
    until(lambda: signals == [signal.SIGUSR1], "its handler runs, which may be a few instructions later")

    begun = time.monotonic()
    pause(0.2)
    assert time.monotonic() - begun >= 0.2


def test_a_process_that_has_paused_leaks_no_socket():
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", "from worker.bell import pause; pause(0)"],
        capture_output=True,
        text=True,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
