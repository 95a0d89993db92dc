"""Does the I/O round one job: fetch, compose, store, report; and the process that runs jobs."""
