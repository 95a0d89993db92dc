"""The names of all our Redis keys, and of RQ's keys for our jobs."""

from jobs.redis import lua

PREFIX = "superimpose"

WAITING = f"{PREFIX}:waiting"  # sorted set of QUEUED requests by time of acceptance (ms)

TURNS = f"{PREFIX}:turns"
"""Sorted set: `"<key id> <number>"`, one turn for each QUEUED request, by virtual time."""

LAST_TURNS = f"{PREFIX}:last-turns"  # hash: the number of each key's last turn, by key id

DEADLINES = f"{PREFIX}:deadlines"
"""Sorted set of all unfinished requests by deadline: first for the start, then for the end."""

LEASES = f"{PREFIX}:leases"  # sorted set of leased requests by lease expiry (ms)
BELL = f"{PREFIX}:bell"  # list with one entry while requests may be queued; idle workers block on it
PACE = f"{PREFIX}:pace_ms"  # hash of moving averages in ms: `job`, how long a request occupies a worker

OPEN_BATCHES = f"{PREFIX}:open-batches"
"""Sorted set of the batches that have not ended, by when (ms) the reconciler checks them."""

ENTERING = f"{PREFIX}:entering"  # string: the number of accepted batch requests that are not queued yet

EVENT_BELL = f"{PREFIX}:event-bell"  # list with one entry while events may be due; senders block on it

CHANGES = f"{PREFIX}:changes"
"""Channel: `"<request id> <status>"` for each change of status after creation, and
`"<batch id> COMPLETED"` when a batch ends."""

API_KEYS = f"{PREFIX}:keys"  # sorted set: ids of the valid API keys by time of creation
REVOKED_CHOSEN_KEYS = f"{PREFIX}:revoked-chosen-keys"  # set: ids of revoked keys from the settings
RECONCILER = f"{PREFIX}:reconciler"  # lock: its holder runs this round of reconciling
QUEUE = "superimpose"  # the RQ queue to which our workers and registries belong

RQ_QUEUE = f"rq:queue:{QUEUE}"  # list of requeued requests, which are claimed first
RQ_INTERMEDIATE = f"rq:queue:{QUEUE}:intermediate"
RQ_STARTED = f"rq:wip:{QUEUE}"
RQ_SCHEDULED = f"rq:scheduled:{QUEUE}"
RQ_FINISHED = f"rq:finished:{QUEUE}"
RQ_FAILED = f"rq:failed:{QUEUE}"
RQ_WORKERS = f"rq:workers:{QUEUE}"
RQ_ALL_WORKERS = "rq:workers"
RQ_QUEUES = "rq:queues"


def request(request_id: str) -> str:
    """Hash: the record of a request."""
    return f"{PREFIX}:request:{request_id}"


def requests(key_id: str, custom_id: str | None = None) -> str:
    """Sorted set: ids of a key's requests, all or with this custom_id, by time of creation (µs)."""
    return f"{PREFIX}:requests:{key_id}" + ("" if custom_id is None else f":{custom_id}")


def batch(batch_id: str) -> str:
    """Hash: a batch with the counts of its requests by status."""
    return f"{PREFIX}:batch:{batch_id}"


def batch_requests(batch_id: str) -> str:
    """List: `"<request id> <custom_id>"` of a batch's requests, in the order submitted."""
    return f"{PREFIX}:batch-requests:{batch_id}"


def batches(key_id: str) -> str:
    """Sorted set: ids of a key's batches by time of creation (µs)."""
    return f"{PREFIX}:batches:{key_id}"


def archive(token: str) -> str:
    """String: the id of the batch whose ZIP of pictures has this public name."""
    return f"{PREFIX}:archive:{token}"


def key_queue(key_id: str) -> str:
    """Sorted set: a key's QUEUED requests, first in, first out."""
    return f"{PREFIX}:line:{key_id}"


def machine(machine: str) -> str:
    """Hash: `"attempt pid start"` of the lease owners on this machine, by request id."""
    return f"{PREFIX}:machine:{machine}"


def event(request_id: str) -> str:
    """Hash: the event of an ended request or batch, and the outcome of each delivery attempt."""
    return f"{PREFIX}:event:{request_id}"


def lane(name: str) -> str:
    """Sorted set: receivers with events, by when (ms) they are checked; one lane for each standing.

    The lane "new" lists the receivers' API key ids instead.
    """
    return f"{PREFIX}:receivers:{name}"


def new_receivers(key_id: str) -> str:
    """Sorted set: a key's receivers in the lane "new", by when (ms) they are checked."""
    return f"{PREFIX}:new-receivers:{key_id}"


def untried_events(receiver: str) -> str:
    """Sorted set: a receiver's events without an attempt, by when (ms) they are due."""
    return f"{PREFIX}:events-untried:{receiver}"


def tried_events(receiver: str) -> str:
    """Sorted set: a receiver's other undelivered events, by when (ms) they are due or their lease expires."""
    return f"{PREFIX}:events-tried:{receiver}"


def standing(receiver: str) -> str:
    """String: the number of consecutive failed attempts, and until when (ms) the receiver is paused."""
    return f"{PREFIX}:receiver-standing:{receiver}"


def idempotency(key_id: str, sha256: str) -> str:
    """Hash of an Idempotency-Key, by its SHA-256: the `request_id` or `batch_id`, and the fingerprint."""
    return f"{PREFIX}:idempotency:{key_id}:{sha256}"


def calls(name: str) -> str:
    """String: the number of a process's last batch of calls, and which of them used up a rate limit."""
    return f"{PREFIX}:calls:{name}"


def housekeeping(part: str) -> str:
    """Lock: its holder runs this round of one housekeeping task."""
    return f"{PREFIX}:housekeeping:{part}"


def picture(token: str) -> str:
    """Hash: where the picture with this public name is stored; exists as long as it may be fetched."""
    return f"{PREFIX}:picture:{token}"


def api_key(key_id: str) -> str:
    """Hash: the name, scopes, rates and credits of an API key."""
    return f"{PREFIX}:key:{key_id}"


def key_digest(sha256: str) -> str:
    """String: the id of the API key whose text has this SHA-256, in hex."""
    return f"{PREFIX}:key-digest:{sha256}"


def bucket(name: str, owner: str) -> str:
    """String: when the rate limit bucket of a key id or a client address is full again."""
    return f"{PREFIX}:bucket:{name}:{owner}"


def upload_expiries(key_id: str) -> str:
    """Sorted set: SHA-256 of a key's uploads by the time they expire."""
    return f"{PREFIX}:upload-expiries:{key_id}"


def upload_files(key_id: str) -> str:
    """Hash: `"<size> <token>"` of a key's uploads by SHA-256, and their `total` size."""
    return f"{PREFIX}:upload-files:{key_id}"


def script(text: str, **constants: object) -> str:
    """A Lua script with the key names and further constants filled in."""
    names = {
        "WAITING": WAITING,
        "TURNS": TURNS,
        "LAST_TURNS": LAST_TURNS,
        "KEY_QUEUE": key_queue(""),
        "DEADLINES": DEADLINES,
        "LEASES": LEASES,
        "BELL": BELL,
        "PACE": PACE,
        "CHANGES": CHANGES,
        "REQUEST": request(""),
        "REQUESTS": requests(""),
        "OPEN_BATCHES": OPEN_BATCHES,
        "ENTERING": ENTERING,
        "BATCH": batch(""),
        "BATCH_REQUESTS": batch_requests(""),
        "BATCHES": batches(""),
        "ARCHIVE": archive(""),
        "MACHINE": machine(""),
        "API_KEY": api_key(""),
        "KEY_DIGEST": key_digest(""),
        "BUCKET": f"{PREFIX}:bucket:",
        "PICTURE": picture(""),
        "EVENT_BELL": EVENT_BELL,
        "EVENT": event(""),
        "LANE": lane(""),
        "NEW_RECEIVERS": new_receivers(""),
        "UNTRIED": untried_events(""),
        "TRIED": tried_events(""),
        "STANDING": standing(""),
        "RQ_QUEUES": RQ_QUEUES,
        "QUEUE": QUEUE,
        "RQ_QUEUE": RQ_QUEUE,
        "RQ_STARTED": RQ_STARTED,
        "RQ_SCHEDULED": RQ_SCHEDULED,
        "RQ_FINISHED": RQ_FINISHED,
        "RQ_FAILED": RQ_FAILED,
        "RQ_WORKERS": RQ_WORKERS,
        "RQ_JOB": "rq:job:",
        "RQ_WORKER": "rq:worker:",
        "RQ_EXECUTION": "rq:execution:",
    }
    return lua.script(text, **names, **constants)
