"""The size of a batch."""

MAX_REQUESTS = 5000

MAX_LINES = 4 * MAX_REQUESTS
"""Of NDJSON, blank lines included."""

MAX_VALUES = 100 * MAX_REQUESTS
"""In a JSON body, which is parsed as a whole: 100 for each of 5,000 requests."""
