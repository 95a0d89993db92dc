"""A worker of RQ's, SimpleWorker or the forking Worker: `python -m ...rq_worker Worker`.

Has the task's libraries loaded before it forks, as RQ's page on performance says.
"""

import sys

import rq
from redis import Redis

from benchmarks.end_to_end.peers import rq_tasks, work

if __name__ == "__main__":
    assert rq_tasks.superimpose
    kind = {"SimpleWorker": rq.SimpleWorker, "Worker": rq.Worker}[sys.argv[1]]
    kind(["default"], connection=Redis(unix_socket_path=work.REDIS_SOCKET)).work(logging_level="WARNING")
