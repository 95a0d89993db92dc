"""Makes Linux start writing a file to disk at once.

Otherwise it waits up to 30 s and writes in bursts, which delay the fsync of a Redis on the same disk.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_WHOLE_FILE = ctypes.c_int64(0), ctypes.c_int64(0)  # offset; length, 0: to the end
_SYNC_FILE_RANGE_WRITE = 2  # linux/fs.h


def start_writeback(path: Path) -> None:
    """Returns before the file is on disk. Does nothing on other systems, or if the file is gone."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY)
        try:
            _LIBC.sync_file_range(file, *_WHOLE_FILE, _SYNC_FILE_RANGE_WRITE)
        finally:
            os.close(file)
