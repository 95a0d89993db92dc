"""What Redis is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis

Said = dict[str, Any]  # `command`, and who said it: `client_type`, which is lua for a script


@contextmanager
def hearing(redis: Redis) -> Iterator[list[Said]]:
    """All commands to this database meanwhile, once that is over: a service may use another one."""
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
