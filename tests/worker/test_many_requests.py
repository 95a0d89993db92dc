"""Many requests: keys take turns, and expired requests leave nothing in Redis that grows with them."""

import time
from pathlib import Path
from uuid import uuid4

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.inputs import SAMPLE
from jobs.queue.rq import RQ_TTL_S
from tests.stack import environment, running
from tests.worker.conftest import work
from worker.child.child import Child

WORKERS = 2
WAITING = 3_000
PICTURES = {"base_image": f"{SAMPLE}cup.jpg", "overlay_image": f"{SAMPLE}logo.png"}
REQUESTS = 1000
ROOT = Path(__file__).parents[2]

LASTING = {"rq:queues", keyspace.PACE, keyspace.API_KEYS}
"""Keys of constant size that need not expire; an API key has two more."""


def test_thousands_of_requests_of_one_key_delay_another_key_by_two_per_worker(redis, settings, tmp_path):
    transitions = Transitions(redis, settings)
    flood = ApiKeys(redis).create("flood")[0].key_id
    many = [f"00000000-0000-4000-8000-{number:012d}" for number in range(WAITING)]
    for request_id in many:
        transitions.create(NewRequest(request_id, flood, PICTURES))
    with running(environment(settings.redis_url, tmp_path), workers=WORKERS) as stack:
        stack.client.headers["x-api-key"] = ApiKeys(redis).create("shop")[1]
        samples = {
            name: f"{stack.url}/samples/{text.removeprefix(SAMPLE)}" for name, text in PICTURES.items()
        }
        stack.finish(stack.submit(**samples))  # workers are busy with the flood

        request_id = stack.submit(**samples)
        assert stack.finish(request_id).json()["status"] == "COMPLETED"

    urgent = transitions.read(request_id)
    assert urgent is not None
    assert urgent.started_at is not None
    starts = [record.started_at for each in many if (record := transitions.read(each)) and record.started_at]
    assert len(starts) < WAITING
    assert sum(urgent.created_at < at < urgent.started_at for at in starts) <= 2 * WORKERS


class Idle(Child):
    module = "benchmarks.no_op_child"


def test_a_thousand_requests_leave_no_growth(redis, settings, key_id, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    brief = settings.model_copy(update={"result_ttl_s": 1})
    transitions = Transitions(redis, brief)
    requests = [str(uuid4()) for _ in range(REQUESTS)]
    for request_id in requests:
        transitions.create(NewRequest(request_id, key_id, {}))

    work(brief, Idle)

    now = time.time()
    time.sleep(brief.result_ttl_s + 0.2)
    left = {key.decode(): redis.ttl(key) for key in redis.scan_iter(count=1000)}
    assert not [key for key in left if key.startswith(f"{keyspace.PREFIX}:request:")]
    for registry in (keyspace.RQ_FINISHED, keyspace.RQ_FAILED):
        assert redis.zcount(registry, now + RQ_TTL_S + 5, "+inf") == 0, "the next round of housekeeping"
        left.pop(registry, None)
    assert 0 < left.pop(keyspace.requests(key_id)) <= brief.longest_life_s, "the list of the key's requests"
    lasting = {key for key, ttl in left.items() if ttl == -1}
    assert {key for key in lasting if not key.startswith(f"{keyspace.PREFIX}:key")} <= LASTING
    assert len(lasting) <= len(LASTING) + 2
    assert max(left.values()) <= RQ_TTL_S + 85  # of a worker's registration
