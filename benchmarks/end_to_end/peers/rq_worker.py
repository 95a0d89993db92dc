"""RQ's workers with the task's libraries imported before they fork, as RQ's page on performance advises."""

from rq import SimpleWorker, Worker

from benchmarks.end_to_end.peers import work

__all__ = ["SimpleWorker", "Worker", "work"]
