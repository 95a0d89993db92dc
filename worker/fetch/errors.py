"""The errors of a fetch, with one text for the client and one for the log.

Fault           raised inside this package, without the address
+-- FetchError  raised by `Fetcher.get`, names the parameter and the address
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
    ValueError,  # invalid punycode (UnicodeError) and numbers with too many digits
    zlib.error,
)
"""Everything that a fetch is known to raise. Not Exception, which includes what `Reserve` raises."""

MAX_REASON_LENGTH = 300


@dataclass(eq=False)
class Fault(Exception):
    """One failed fetch. `text` completes a sentence that begins with the address.

    `code`: of the FAILED body in PROTOCOL. `transient`: another attempt may succeed, after `retry_after_s` if
    the server sent that. `reason`: for the log only, as it may contain addresses of our network.
    """

    text: str
    _: KW_ONLY
    reason: str
    code: str = "fetch_failed"
    transient: bool = False
    retry_after_s: int = 0


class FetchError(Fault):
    """`str(error)` is the text for the client, `field` the parameter."""

    field: str

    def __init__(self, field: str, shown: str, fault: Fault) -> None:
        Exception.__init__(self, f"{field}: {shown} {fault.text}")
        vars(self).update(vars(fault), field=field)


def unreachable(reason: str, *, transient: bool = False) -> Fault:
    """One text for refused, unknown and unresponsive addresses, so that it reveals nothing of our network."""
    return Fault(UNREACHABLE, reason=reason, transient=transient)


def fault_of(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    reason = ascii(error)[:MAX_REASON_LENGTH]  # may quote the server: line ends are escaped
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
        # Not transient: another attempt would take as long again.
        return Fault("took too long to arrive: try again, or use a faster server", reason=reason)
    return Fault(
        "broke off before the image was complete: try again, and check that the server answers in plain HTTP",
        reason=reason,
        transient=True,
    )
