"""Python imports this at its start where the clock is shifted: libfaketime breaks `time.sleep` there.

It takes the monotonic deadline that Python sleeps until for one of the shifted clock, and refuses it.
"""

import select
import time
from functools import partial

time.sleep = partial(select.select, (), (), ())  # type: ignore[assignment]
