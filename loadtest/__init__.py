"""A load test for operators: clients that submit, poll and fetch, and a report."""
