"""Has Linux begin to write a file to disk at once, where it else waits up to 30 s and then writes in bursts.

In such a burst a Redis on the same disk waits long for its fsync.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_ALL_OF_IT = ctypes.c_int64(0), ctypes.c_int64(0)  # from its beginning, to its end
_SYNC_FILE_RANGE_WRITE = 2  # linux/fs.h


def start_writeback(path: Path) -> None:
    """Returns before the file is on disk. Does nothing where the system cannot, or the file is gone."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY)
        try:
            _LIBC.sync_file_range(file, *_ALL_OF_IT, _SYNC_FILE_RANGE_WRITE)
        finally:
            os.close(file)
