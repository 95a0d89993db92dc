"""What can go wrong with a fetch, as the client reads it and as the log does.

Fault           inside this package: what happened, without the address
+-- FetchError  what `Fetcher.get` raises: the same, naming field and address
"""

UNREACHABLE = (
    "cannot be fetched from here: check that the address is right and open to the public, "
    "or send the image itself as a data: URI or as base64"
)


class Fault(Exception):
    """One failed fetch. `text` is the end of a sentence that begins with the address.

    `code` is the machine word of PROTOCOL's FAILED body; `transient` says that another attempt may do
    better, after `retry_after_s` if its server says when; `reason` may hold addresses of our network, so it
    goes to the log and never to the client.
    """

    def __init__(
        self,
        text: str,
        *,
        reason: str,
        code: str = "fetch_failed",
        transient: bool = False,
        retry_after_s: int = 0,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason
        self.code = code
        self.transient = transient
        self.retry_after_s = retry_after_s


class FetchError(Fault):
    """The one exception of `Fetcher.get`.

    `str(error)` is the sentence for the client, `field` the parameter.
    """

    def __init__(self, field: str, shown: str, fault: Fault) -> None:
        super().__init__(
            f"{field}: {shown} {fault.text}",
            reason=fault.reason,
            code=fault.code,
            transient=fault.transient,
            retry_after_s=fault.retry_after_s,
        )
        self.field = field


def unreachable(reason: str, *, transient: bool = False) -> Fault:
    """The one answer to refused, unknown and silent addresses, so that it maps nothing of our network."""
    return Fault(UNREACHABLE, reason=reason, transient=transient)
