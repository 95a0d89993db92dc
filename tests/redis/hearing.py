"""Records the commands that Redis receives."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis

Said = dict[str, Any]  # `command` and `client_type`, which is lua for a command of a script


@contextmanager
def hearing(redis: Redis) -> Iterator[list[Said]]:
    """Yields a list that has all commands to this database after the block; other databases are ignored."""
    heard: list[Said] = []
    database = redis.connection_pool.connection_kwargs["db"]
    with redis.monitor() as monitor:
        redis.echo("the start")
        yield heard
        redis.echo("the end")
        commands = (said for said in monitor.listen() if said["db"] == database)
        while next(commands)["command"] != "ECHO the start":
            pass
        while (said := next(commands))["command"] != "ECHO the end":
            heard.append(said)
