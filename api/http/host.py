"""The Host header, which the URLs of answers are built from where no public URL is configured."""

import re

from fastapi import Request

from api.errors import ApiError

HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
LONGEST = 255 + len(":65535")  # RFC 1035, section 2.3.4


def origin_by_host(request: Request) -> str:
    """Scheme and host as the client wrote them. Raises 400 for a host that no URL can have."""
    host = request.headers.get("host")
    if host is None:
        return str(request.base_url).rstrip("/")
    if len(host) > LONGEST or not HOST.fullmatch(host):
        text = "the Host header must be a name or an address, with or without a port"
        raise ApiError(400, "invalid_host", text)
    return f"{request.scope['scheme']}://{host}"
