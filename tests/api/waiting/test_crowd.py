"""A thousand concurrent waiting calls on one subscription."""

import asyncio

import uvloop

from benchmarks.harness import crowd
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from tests.api.waiting.conftest import OUTPUT, STATUS, STREAM, until
from tests.asking import SAMPLES, claim_request
from tests.missing import missing
from tests.stack import KEY

WAITERS = 1000
REQUESTS = 50
PLACES = [f"{STATUS}?wait=60", STREAM]  # half of them each
MOST_CONNECTIONS = 16  # of one API process to Redis


def test_a_thousand_waiting_calls_all_get_the_end(edge, redis, watched, transitions):
    if not crowd.allow_connections(WAITERS):
        message = "the hard limit on open files is too low (ulimit -Hn)"
        missing(message)
    [key] = [each for each in ApiKeys(redis).list() if each.name == "dev"]
    ids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(REQUESTS)]
    for request_id in ids:
        transitions.create(NewRequest(request_id, key.key_id, SAMPLES))
    paths = [PLACES[number % 2].format(ids[number // 2 % REQUESTS]) for number in range(WAITERS)]

    def end_all() -> None:
        until(lambda: watched()["waiting"] == WAITERS, patience_s=120)
        connections = [each for each in redis.client_list() if each["db"] == "7"]
        assert len(connections) <= MOST_CONNECTIONS
        assert sum(each["sub"] != "0" for each in connections) == 1
        for request_id in ids:
            claim_request(transitions, request_id)
            transitions.complete(request_id, 1, OUTPUT, {})

    async def wait() -> None:
        calls = await crowd.waiting(edge.port, paths, KEY)
        try:
            await asyncio.to_thread(end_all)
            await asyncio.gather(*(call.ended for call in calls))
        finally:
            for call in calls:  # or the loop would not close
                call.hang_up()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(wait(), 150))
    until(lambda: watched()["waiting"] == 0)
