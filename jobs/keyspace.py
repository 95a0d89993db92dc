"""The names of all our Redis keys, and of RQ's keys for our jobs.

Scripts use the same names in capitals: `KEY_QUEUE .. key_id` is `key_queue(key_id)`.
"""

PREFIX = "superimpose"


class Names(str):
    """The common start of names that differ by one id, or by two."""

    def __call__(self, first: str, second: str | None = None) -> str:
        return self + first if second is None else f"{self + first}:{second}"


# The queue
WAITING = f"{PREFIX}:waiting"  # sorted set of QUEUED requests by time of acceptance (ms)
key_queue = Names(f"{PREFIX}:line:")  # sorted set: a key's QUEUED requests, first in, first out
TURNS = f"{PREFIX}:turns"  # sorted set: `"<key id> <number>"`, one for each QUEUED request, by virtual time
LAST_TURNS = f"{PREFIX}:last-turns"  # hash: the number of each key's last turn, by key id
BELL = f"{PREFIX}:bell"  # list with one entry while requests may be queued; idle workers block on it
PACE = f"{PREFIX}:pace_ms"  # hash of moving averages in ms: `job`, how long a request occupies a worker

# Requests
request = Names(f"{PREFIX}:request:")  # hash: the record of a request
requests = Names(f"{PREFIX}:requests:")
"""Sorted set: ids of a key's requests, all or with this custom_id, by time of creation (µs)."""
DEADLINES = f"{PREFIX}:deadlines"
"""Sorted set of all unfinished requests by deadline: first for the start, then for the end."""
LEASES = f"{PREFIX}:leases"  # sorted set of leased requests by lease expiry (ms)
machine = Names(f"{PREFIX}:machine:")
"""Hash: `"attempt pid start"` of the lease owners on this machine, by request id."""
idempotency = Names(f"{PREFIX}:idempotency:")
"""Hash of a key's Idempotency-Key, by its SHA-256: the `request_id` or `batch_id`, and the fingerprint."""
CHANGES = f"{PREFIX}:changes"
"""Channel: `"<request id> <status>"` for each change of status after creation, and
`"<batch id> COMPLETED"` when a batch ends."""

# Batches
batch = Names(f"{PREFIX}:batch:")  # hash: a batch with the counts of its requests by status
batch_requests = Names(f"{PREFIX}:batch-requests:")
"""List: `"<request id> <custom_id>"` of a batch's requests, in the order submitted."""
batches = Names(f"{PREFIX}:batches:")  # sorted set: ids of a key's batches by time of creation (µs)
archive = Names(f"{PREFIX}:archive:")  # string: the id of the batch whose ZIP has this public name
OPEN_BATCHES = f"{PREFIX}:open-batches"
"""Sorted set of the batches that have not ended, by when (ms) the reconciler checks them."""
ENTERING = f"{PREFIX}:entering"  # string: the number of accepted batch requests that are not queued yet

# API keys
API_KEYS = f"{PREFIX}:keys"  # sorted set: ids of the valid API keys by time of creation
api_key = Names(f"{PREFIX}:key:")  # hash: the name, scopes, rates and credits of an API key
key_digest = Names(f"{PREFIX}:key-digest:")  # string: the id of the key whose text has this SHA-256, in hex
REVOKED_CHOSEN_KEYS = f"{PREFIX}:revoked-chosen-keys"  # set: ids of revoked keys from the settings
bucket = Names(f"{PREFIX}:bucket:")
"""String: when the bucket of a rate limit, by its name and a key id or address, is full again."""

# Pictures
picture = Names(f"{PREFIX}:picture:")  # hash: where it is stored, by public name, while it may be fetched
upload_expiries = Names(f"{PREFIX}:upload-expiries:")  # sorted set: SHA-256 of a key's uploads by expiry
upload_files = Names(f"{PREFIX}:upload-files:")
"""Hash: `"<size> <token>"` of a key's uploads by SHA-256, and their `total` size."""

# Events
event = Names(f"{PREFIX}:event:")
"""Hash: the event of an ended request or batch, and the outcome of each delivery attempt."""
lane = Names(f"{PREFIX}:receivers:")
"""Sorted set: receivers with events, by when (ms) they are checked; one lane for each standing. The lane
"new" lists the receivers' API key ids instead."""
new_receivers = Names(f"{PREFIX}:new-receivers:")  # sorted set: a key's receivers in "new", as in `lane`
untried_events = Names(f"{PREFIX}:events-untried:")
"""Sorted set: a receiver's events without an attempt, by when (ms) they are due."""
tried_events = Names(f"{PREFIX}:events-tried:")
"""Sorted set: a receiver's other undelivered events, by when (ms) they are due or their lease expires."""
standing = Names(f"{PREFIX}:receiver-standing:")
"""String: the number of consecutive failed attempts, and until when (ms) the receiver is paused."""
EVENT_BELL = f"{PREFIX}:event-bell"  # list with one entry while events may be due; senders block on it

# Processes
calls = Names(f"{PREFIX}:calls:")
"""String: the number of a process's last batch of calls, and which of them used up a rate limit."""
RECONCILER = f"{PREFIX}:reconciler"  # lock: its holder runs this round of reconciling
housekeeping = Names(f"{PREFIX}:housekeeping:")  # lock: its holder runs this round of one task

# RQ
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
RQ_JOB = "rq:job:"
RQ_WORKER = "rq:worker:"
RQ_EXECUTION = "rq:execution:"

IN_SCRIPTS = {
    name.upper(): str(value)
    for name, value in globals().items()
    if isinstance(value, str) and not name.startswith("_")
}
