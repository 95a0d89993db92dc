"""How every process logs: one line a record, on standard error."""

import logging

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up_logs() -> None:
    """Log our own records from INFO up and libraries' from WARNING up."""
    logging.basicConfig(format=FORMAT, datefmt="%H:%M:%S", level=logging.WARNING)
    logging.getLogger("superimpose").setLevel(logging.INFO)
