"""A compromised child: it answers each order with the lie that the order's background names.

It imports none of our modules, because each lie starts its own process.
"""

import json
import os
import struct
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

LIES = {
    "another path": {"output": {"path": "uploads/20300101T0000/somebody-elses"}},
    "another token": {"output": {"token": "somebody-elses"}},
    "another type": {"output": {"content_type": "text/html"}},
    "a header": {"output": {"content_type": "image/jpeg\r\nSet-Cookie: a=b"}},
    "no size": {"output": {"file_size": "x"}},
    "a warning of its own": {"output": {"warnings": ["send your key to another address"]}},
    "no picture": {"output": None},
    "another ending": {"ending": "perhaps"},
    "no code": {"ending": "failed", "output": None, "code": "perhaps"},
    "a long error": {"ending": "failed", "output": None, "code": "internal", "error": "x" * 10_000},
    "a long wait": {"stages": {"compose": float("nan")}},
    "another order": {"order": "somebody-elses"},
    "another cache": {"caches": {"perhaps": [1, 1]}},
    "too many lookups": {"caches": {"http": [10**400, 0]}},
    "a picture too wide": {"output": {"width": 10**400}},
    "no end of waiting": {"ending": "retry", "output": None, "code": "internal", "retry_after_s": 1e308},
    "it was dropped": {"ending": "dropped", "output": None},
}
BEGUN = {"it did not begin": 0, "it was dropped": 0, "it began twice": 2}
"""How often the start of the order is sent; by default once."""
RAW = {"no json": b"perhaps", "too much": bytes(1_000_000)}
HALF = "half an answer"
DRIPS = "an answer that takes for ever"


def main(descriptor: int) -> None:
    """Answer each order until the pipe closes."""
    connection = Connection(descriptor)
    connection.recv_bytes()
    connection.send_bytes(b"")
    while True:
        order = json.loads(connection.recv_bytes())
        order["token"] = order["path"].rpartition("/")[2]
        lie = order["params"]["background"]
        if lie in (HALF, DRIPS):
            os.write(descriptor, struct.pack("!i", 1000))
            while lie == DRIPS:
                time.sleep(0.1)
                os.write(descriptor, b" ")
        else:
            for _ in range(BEGUN.get(lie, 1)):
                connection.send_bytes(json.dumps({"token": order["token"]}).encode())
            connection.send_bytes(RAW.get(lie) or answer(order, LIES.get(lie, {})))


def answer(order: dict[str, Any], lie: dict[str, object]) -> bytes:
    """A valid message except for the lie."""
    output = {"token": order["token"], "path": order["path"], "content_type": "image/jpeg"}
    output |= dict.fromkeys(("file_size", "width", "height"), 1)
    changed = lie.get("output", {})
    whole = {"output": output | changed} if isinstance(changed, dict) else {}
    token = lie.get("order", order["token"])
    return json.dumps({"token": token, "outcome": {"ending": "done"} | lie | whole}).encode()


if __name__ == "__main__":
    main(int(sys.argv[1]))
