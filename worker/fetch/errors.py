"""What can go wrong with a fetch, as the client reads it and as the log does.

Fault           inside this package: what happened, without the address
+-- FetchError  what `Fetcher.get` raises: the same, naming field and address
"""

import zlib
from dataclasses import KW_ONLY, dataclass

import httpcore

from jobs.network.urls import InvalidUrl
from worker.fetch.network import Refused, Unknown, Untrusted

UNREACHABLE = (
    "cannot be fetched from here: check that the address is right and open to the public, "
    "or send the image itself as a data: URI or as base64"
)

BROKEN_OFF = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)

FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,
    ValueError,  # bad punycode (UnicodeError) and absurdly long numbers
    zlib.error,
)
"""Everything a fetch is known to raise. Not Exception: RQ's JobTimeoutException must pass."""

LONGEST_REASON = 300


@dataclass(eq=False)
class Fault(Exception):
    """One failed fetch. `text` is the end of a sentence that begins with the address.

    `code` is the machine word of PROTOCOL's FAILED body; `transient` says that another attempt may do
    better, after `retry_after_s` if its server says when; `reason` may hold addresses of our network, so it
    goes to the log and never to the client.
    """

    text: str
    _: KW_ONLY
    reason: str
    code: str = "fetch_failed"
    transient: bool = False
    retry_after_s: int = 0


class FetchError(Fault):
    """`str(error)` is the sentence for the client, `field` the parameter."""

    field: str

    def __init__(self, field: str, shown: str, fault: Fault) -> None:
        Exception.__init__(self, f"{field}: {shown} {fault.text}")
        vars(self).update(vars(fault), field=field)


def unreachable(reason: str, *, transient: bool = False) -> Fault:
    """The one answer to refused, unknown and silent addresses, so that it maps nothing of our network."""
    return Fault(UNREACHABLE, reason=reason, transient=transient)


def gone() -> Fault:
    return Fault(
        "changed while the request waited: submit it again", reason="its cached copy is gone", transient=True
    )


def fault_of(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    reason = ascii(error)[:LONGEST_REASON]  # it may quote the server, so no line ends and no end
    if isinstance(error, InvalidUrl):
        return Fault(str(error), reason=f"the address {error}")
    if isinstance(error, Refused | Unknown | ValueError):
        return unreachable(reason)
    if isinstance(error, Untrusted):
        return Fault(
            "has no valid TLS certificate for its name: use the address that browsers accept", reason=reason
        )
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return unreachable(reason, transient=True)
    if isinstance(error, httpcore.TimeoutException):
        # Not transient: another attempt would keep the caller waiting for as long again.
        return Fault("took too long to arrive: try again, or use a faster server", reason=reason)
    return Fault(
        "broke off before the image was complete: try again, and check that the server answers in plain HTTP",
        reason=reason,
        transient=True,
    )
