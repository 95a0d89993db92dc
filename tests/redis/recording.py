"""Records the commands that Redis receives."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis

Command = dict[str, Any]  # `command` and `client_type`, which is lua for a command of a script


@contextmanager
def recording(redis: Redis) -> Iterator[list[Command]]:
    """Yields a list that has all commands to this database after the block; other databases are ignored."""
    commands: list[Command] = []
    database = redis.connection_pool.connection_kwargs["db"]
    with redis.monitor() as monitor:
        redis.echo("the start")
        yield commands
        redis.echo("the end")
        received = (each for each in monitor.listen() if each["db"] == database)
        while next(received)["command"] != "ECHO the start":
            pass
        while (each := next(received))["command"] != "ECHO the end":
            commands.append(each)
