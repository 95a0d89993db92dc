"""A Redis primary and its replica, which can change places."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis, ResponseError

from tests.chaos.outside.redis_process import RedisProcess

TIMEOUT_S = 20
FAILOVER_MS = 2000


class RedisPair:
    """Loses no acknowledged write: the replica is only promoted when it is in sync."""

    def __init__(self, primary: RedisProcess, replica: RedisProcess) -> None:
        self.primary, self.replica = primary, replica

    def fail_over(self) -> None:
        """Promote the replica. The old primary becomes its replica and keeps all connections."""
        with Redis(port=self.primary.port) as old, Redis(port=self.replica.port) as new:
            _until(lambda: old.info("replication").get("slave0", {}).get("state") == "online")
            while new.role()[0] != b"master":
                if old.info("replication")["master_failover_state"] == "no-failover":
                    self._ask_for_failover(old)
                time.sleep(0.01)
        self.primary, self.replica = self.replica, self.primary

    def _ask_for_failover(self, old: Redis) -> None:
        try:
            replica = ("TO", "127.0.0.1", str(self.replica.port))
            old.execute_command("FAILOVER", *replica, "TIMEOUT", str(FAILOVER_MS))
        except ResponseError:  # already promoted, or the replica has just lost its link
            time.sleep(0.1)


@contextmanager
def running_pair(directory: Path) -> Iterator[RedisPair]:
    """A running pair in sync."""
    homes = [directory / "one", directory / "other"]
    for home in homes:
        home.mkdir(parents=True)
    with RedisProcess(homes[0]) as primary, RedisProcess(homes[1]) as replica:
        with Redis(port=primary.port) as redis:
            redis.config_set("repl-diskless-sync-delay", 0)
        with Redis(port=replica.port) as redis:
            redis.config_set("repl-diskless-sync-delay", 0)
            redis.replicaof("127.0.0.1", str(primary.port))
            _until(lambda: redis.info("replication")["master_link_status"] == "up")
        try:
            yield RedisPair(primary, replica)
        finally:
            for process in (primary, replica):
                process.kill()  # at a SIGTERM each would wait for the other


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, "primary and replica are not in step"
        time.sleep(0.02)
