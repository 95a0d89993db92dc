"""Keys take turns although each worker claims several requests at a time."""

from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.inputs import SAMPLE
from tests.stack import environment, running

WORKERS = 2
WAITING = 3_000
PICTURES = {"base_image": f"{SAMPLE}cup.jpg", "overlay_image": f"{SAMPLE}logo.png"}


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
