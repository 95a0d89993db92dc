"""A call handles only a few requests of a batch, so that it does not block Redis for long."""

import pytest

from jobs import keyspace
from jobs.batches import opening
from jobs.batches.progress import REQUESTS_PER_CALL, BatchProgress
from jobs.lifecycle.options import RequestOptions
from tests.jobs.batches.conftest import Desk, requests
from tests.redis.recording import Command, recording

MANY = 4 * opening.STAGE_MAX_REQUESTS + 7

URL = "https://shop.example/shirt.jpg"


def scripts(commands: list[Command]) -> list[list[str]]:
    """The commands of each script that was run."""
    found: list[list[str]] = []
    for each in commands:
        if each["client_type"] == "lua":
            found[-1].append(each["command"])
        else:
            found.append([])
    return found


def accept(desk: Desk) -> int:
    desk.accept(requests(MANY))
    return MANY


def accept_long_ones(desk: Desk) -> int:
    layer = {"overlay_image": "https://shop.example/" + "a" * 2000}
    long = [({"base_image": URL, "overlays": [layer] * 16}, RequestOptions())]
    desk.accept(long * 30)
    return 30


def enter_after_a_death(desk: Desk) -> int:
    BatchProgress(desk.redis, desk.settings).resume(desk.accept_and_die(requests(MANY)))
    return MANY


def cancel(desk: Desk) -> int:
    BatchProgress(desk.redis, desk.settings).cancel(desk.accept(requests(MANY)).batch_id)
    return MANY


def drop(desk: Desk) -> int:
    BatchProgress(desk.redis, desk.settings).drop(desk.stage(requests(MANY)))
    return MANY


def changed(commands: list[str]) -> int:
    """How many records of requests are written or deleted."""
    writes = [command for command in commands if command.startswith(("HSET ", "UNLINK "))]
    prefix = keyspace.request("")
    return len({word for write in writes for word in write.split(" ") if word.startswith(prefix)})


@pytest.mark.parametrize("do", [accept, accept_long_ones, enter_after_a_death, cancel, drop])
def test_a_call_writes_only_a_few_short_records_however_large_the_batch_is(desk, redis, do):
    with recording(redis) as commands:
        count = do(desk)

    calls = scripts(commands)
    assert sum(map(changed, calls)) >= count
    assert max(map(changed, calls)) <= max(opening.STAGE_MAX_REQUESTS, REQUESTS_PER_CALL) <= 100
    staging = [call for call in calls if any(" params " in command for command in call)]
    assert len(staging) > 1
    largest = max(sum(map(len, call)) for call in staging)
    assert largest < opening.STAGE_MAX_BYTES + 100_000, "the last request of a call may exceed it"


def test_accepting_a_batch_takes_the_same_commands_for_any_size(desk, redis):
    lengths = []
    desk.accept_and_die(requests(1))  # makes the list of the key's batches
    for count in (1, MANY):
        with recording(redis) as commands:
            desk.accept_and_die(requests(count))
        lengths.append(len(scripts(commands)[-1]))

    assert lengths[0] == lengths[1]
