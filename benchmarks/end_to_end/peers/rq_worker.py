"""RQ's workers with the task's libraries loaded before one forks, as RQ's page on performance says."""

from rq import SimpleWorker, Worker

from benchmarks.end_to_end.peers import work

__all__ = ["SimpleWorker", "Worker", "work"]
