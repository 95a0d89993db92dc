"""What the libraries below us raise, turned into a `Fault` with a sentence for the client."""

import zlib

import httpcore

from jobs.pictures.urls import InvalidUrl
from worker.fetch.errors import Fault, unreachable
from worker.fetch.network import Refused, Unknown, Untrusted

BROKEN_OFF = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)

FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,
    ValueError,  # bad punycode (IDNAError, UnicodeError) and absurdly long numbers
    zlib.error,
)
"""Everything a fetch is known to raise. Not Exception: RQ's JobTimeoutException must pass."""


LONGEST_REASON = 300


def fault_of(error: Exception) -> Fault:
    """The Fault that `error` is, or stands for."""
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
