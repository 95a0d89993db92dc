"""Which addresses may be reached for a client that named them: pictures to fetch, receivers of events."""
