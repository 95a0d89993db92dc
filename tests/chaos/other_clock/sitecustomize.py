"""Imported by Python at its start under a shifted clock, because libfaketime breaks `time.sleep`.

libfaketime takes Python's monotonic deadline for one of the shifted clock, and refuses it.
"""

import select
import time
from functools import partial

time.sleep = partial(select.select, (), (), ())  # type: ignore[assignment]
