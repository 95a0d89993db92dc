"""A load test for users: clients that submit, poll and fetch, and a report of what they met."""
