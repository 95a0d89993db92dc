"""When events are sent, and sent again: lanes, delays, leases and lives."""

LANES = ("proven", "new", "troubled")
"""The standing of a receiver: its latest attempt succeeded, it had none in the last day, or it failed."""

RETRY_AFTER_S = (5, 30, 120, 300, 600, 1200, 3600, 7200, 18_000, 36_000)
"""The delays between a failed attempt and the next."""

EVENT_TTL_S = 3 * 86_400
"""How long an undelivered event is stored. It is given up earlier, about a day after its first attempt,
unless Retry-After of its receiver delays attempts."""

STANDING_TTL_S = 86_400
LEASE_S = 30
"""Twice the longest attempt; the event of a dead sender is sent again after this time."""

IN_SCRIPTS = {
    "LANES": LANES,
    "SCHEDULE": [seconds * 1000 for seconds in RETRY_AFTER_S],
    "EVENT_TTL": EVENT_TTL_S * 1000,
    "STANDING_TTL": STANDING_TTL_S * 1000,
    "EVENT_LEASE": LEASE_S * 1000,
}
