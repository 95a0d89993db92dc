"""A child that answers at once that the picture is there: what is left is what the worker itself costs."""

import contextlib
import sys
from multiprocessing.connection import Connection

from jobs.lifecycle.output import Output
from worker.child.messages import Ending, Order, Outcome


def main(descriptor: int) -> None:
    connection = Connection(descriptor)
    connection.recv_bytes()  # the settings
    connection.send_bytes(b"")  # ready
    with contextlib.suppress(EOFError, OSError):
        while True:
            order = Order.from_bytes(connection.recv_bytes())
            output = Output(order.token, order.path, "image/jpeg", 1, 1, 1)
            connection.send_bytes(Outcome(Ending.DONE, output=output, stages={"compose": 0.0}).to_bytes())


if __name__ == "__main__":
    main(int(sys.argv[1]))
