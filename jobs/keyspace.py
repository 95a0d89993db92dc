"""Names of everything we keep in Redis. RQ's own keys all start with `rq:`."""

PREFIX = "superimpose"

QUEUE = "superimpose"
"""RQ's queue; one only, because RQ can lose a job between two."""

WAITING = f"{PREFIX}:waiting"
"""Sorted set of QUEUED requests by time of arrival: its rank is the queue position."""

DEADLINES = f"{PREFIX}:deadlines"
"""Sorted set of all unfinished requests by the time at which they must have moved on."""

CHANGES = f"{PREFIX}:changes"
"""Channel: `"<request id> <status>"` at each change of status."""

API_KEYS = f"{PREFIX}:keys"
"""Sorted set: ids of the valid API keys by time of making."""

HOUSEKEEPING = f"{PREFIX}:housekeeping"
"""Lock: who holds it does this round of housekeeping."""


def request(request_id: str) -> str:
    """Hash: the record of one request."""
    return f"{PREFIX}:request:{request_id}"


def picture(token: str) -> str:
    """Hash: where the picture with this public name lies, for as long as it may be fetched."""
    return f"{PREFIX}:picture:{token}"


def api_key(key_id: str) -> str:
    """Hash: one API key: who holds it, what it may do, its credits."""
    return f"{PREFIX}:key:{key_id}"


def key_digest(sha256: str) -> str:
    """String: id of the API key whose text has this SHA-256, in hex."""
    return f"{PREFIX}:key-digest:{sha256}"


def bucket(name: str, holder: str) -> str:
    """String: when the rate limit bucket of a key id or a client address is full again."""
    return f"{PREFIX}:bucket:{name}:{holder}"


def upload_expiries(key_id: str) -> str:
    """Sorted set: SHA-256 of a key's uploads by the time they expire."""
    return f"{PREFIX}:upload-expiries:{key_id}"


def upload_files(key_id: str) -> str:
    """Hash: `"size token"` of a key's uploads by SHA-256, and their `total` size."""
    return f"{PREFIX}:upload-files:{key_id}"
