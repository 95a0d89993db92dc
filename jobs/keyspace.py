"""Names of everything we keep in Redis, and of what RQ keeps there of our jobs."""

from jobs.redis import lua

PREFIX = "superimpose"

WAITING = f"{PREFIX}:waiting"  # sorted set of QUEUED requests by time of arrival (ms)

TURNS = f"{PREFIX}:turns"
"""Sorted set: `"<key id> <number>"`, a turn for each QUEUED request, by virtual time."""

LAST_TURNS = f"{PREFIX}:last-turns"  # hash: number of the last turn, by key id

DEADLINES = f"{PREFIX}:deadlines"
"""Sorted set of all unfinished requests by deadline: for their start, then for their end."""

LEASES = f"{PREFIX}:leases"  # sorted set of the requests that have a lease, by its expiry in ms
BELL = f"{PREFIX}:bell"  # list of one entry while requests may wait; idle workers block on it
PACE = f"{PREFIX}:pace_ms"  # hash of moving averages in ms: `job`, for which a request occupies a worker

OPEN_BATCHES = f"{PREFIX}:open-batches"
"""Sorted set of the batches that have not ended by when (ms) the reconciler looks at them."""

ENTERING = f"{PREFIX}:entering"  # string: how many requests of accepted batches are not in the queue yet

EVENT_BELL = f"{PREFIX}:event-bell"  # list of one entry while events may be due; a sender blocks on it

CHANGES = f"{PREFIX}:changes"
"""Channel: `"<request id> <status>"` at each change of status after its creation, and
`"<batch id> COMPLETED"` at the end of a batch."""

API_KEYS = f"{PREFIX}:keys"  # sorted set: ids of the valid API keys by time of creation
REVOKED_CHOSEN_KEYS = f"{PREFIX}:revoked-chosen-keys"
RECONCILER = f"{PREFIX}:reconciler"  # lock: its holder does this round of reconciling
QUEUE = "superimpose"  # RQ's name of the service; its workers and registries are of this one

RQ_QUEUE = f"rq:queue:{QUEUE}"  # list of requests that were requeued, which are next
RQ_INTERMEDIATE = f"rq:queue:{QUEUE}:intermediate"
RQ_STARTED = f"rq:wip:{QUEUE}"
RQ_SCHEDULED = f"rq:scheduled:{QUEUE}"
RQ_FINISHED = f"rq:finished:{QUEUE}"
RQ_FAILED = f"rq:failed:{QUEUE}"
RQ_WORKERS = f"rq:workers:{QUEUE}"
RQ_ALL_WORKERS = "rq:workers"
RQ_QUEUES = "rq:queues"


def request(request_id: str) -> str:
    """Hash: the record of one request."""
    return f"{PREFIX}:request:{request_id}"


def requests(key_id: str, custom_id: str | None = None) -> str:
    """Sorted set: ids of a key's requests, or those with this custom_id, by time of creation in µs."""
    return f"{PREFIX}:requests:{key_id}" + ("" if custom_id is None else f":{custom_id}")


def batch(batch_id: str) -> str:
    """Hash: one batch, with the counts of its requests by status."""
    return f"{PREFIX}:batch:{batch_id}"


def batch_requests(batch_id: str) -> str:
    """List: `"<request id> <custom_id>"` of a batch's requests, as they were sent."""
    return f"{PREFIX}:batch-requests:{batch_id}"


def batches(key_id: str) -> str:
    """Sorted set: ids of a key's batches by time of creation in µs."""
    return f"{PREFIX}:batches:{key_id}"


def archive(token: str) -> str:
    """String: id of the batch whose pictures may be fetched as a ZIP by this public name."""
    return f"{PREFIX}:archive:{token}"


def line(key_id: str) -> str:
    """Sorted set: a key's QUEUED requests in the order of their arrival."""
    return f"{PREFIX}:line:{key_id}"


def machine(machine: str) -> str:
    """Hash: `"attempt pid start"` of the lease owners on this machine, by request id."""
    return f"{PREFIX}:machine:{machine}"


def event(request_id: str) -> str:
    """Hash: the event of an ended request or batch, and what became of each attempt to deliver it."""
    return f"{PREFIX}:event:{request_id}"


def lane(name: str) -> str:
    """Sorted set: receivers that have events, by when (ms) they are looked at; a lane for each standing.

    That of new receivers has the ids of their API keys.
    """
    return f"{PREFIX}:receivers:{name}"


def new_receivers(key_id: str) -> str:
    """Sorted set: a key's receivers in the lane of new ones, by when (ms) they are looked at."""
    return f"{PREFIX}:new-receivers:{key_id}"


def untried_events(receiver: str) -> str:
    """Sorted set: a receiver's events that no attempt was made at, by when (ms) they are due."""
    return f"{PREFIX}:events-untried:{receiver}"


def tried_events(receiver: str) -> str:
    """Sorted set: its other undelivered events, by when (ms) they are due, or their lease expires."""
    return f"{PREFIX}:events-tried:{receiver}"


def standing(receiver: str) -> str:
    """String: how many of its latest attempts failed, and until when (ms) it is left alone."""
    return f"{PREFIX}:receiver-standing:{receiver}"


def idempotency(key_id: str, sha256: str) -> str:
    """Hash: what was made with this Idempotency-Key, by its SHA-256, and the fingerprint of its body.

    A request as `request_id`, a batch as `batch_id`.
    """
    return f"{PREFIX}:idempotency:{key_id}:{sha256}"


def calls(name: str) -> str:
    """String: the number of a process's last batch of calls, and which of them took from a rate."""
    return f"{PREFIX}:calls:{name}"


def housekeeping(part: str) -> str:
    """Lock: its holder does this round of a part of housekeeping."""
    return f"{PREFIX}:housekeeping:{part}"


def picture(token: str) -> str:
    """Hash: where the picture with this public name lies, for as long as it may be fetched."""
    return f"{PREFIX}:picture:{token}"


def api_key(key_id: str) -> str:
    """Hash: an API key: its name, scopes, rates and credits."""
    return f"{PREFIX}:key:{key_id}"


def key_digest(sha256: str) -> str:
    """String: id of the API key whose text has this SHA-256, in hex."""
    return f"{PREFIX}:key-digest:{sha256}"


def bucket(name: str, owner: str) -> str:
    """String: when the rate limit bucket of a key id or a client address is full again."""
    return f"{PREFIX}:bucket:{name}:{owner}"


def upload_expiries(key_id: str) -> str:
    """Sorted set: SHA-256 of a key's uploads by the time they expire."""
    return f"{PREFIX}:upload-expiries:{key_id}"


def upload_files(key_id: str) -> str:
    """Hash: `"size token"` of a key's uploads by SHA-256, and their `total` size."""
    return f"{PREFIX}:upload-files:{key_id}"


def script(text: str, **constants: object) -> str:
    """A Lua script with the names it needs, and further constants."""
    names = {
        "WAITING": WAITING,
        "TURNS": TURNS,
        "LAST_TURNS": LAST_TURNS,
        "LINE": line(""),
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
