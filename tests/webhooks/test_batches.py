"""The event of a batch, from the end of its last request to its receiver."""

import json

from jobs.webhooks.deliveries import State
from jobs.webhooks.secrets import KeySecrets
from tests.asking import OUTPUT, claim_request
from tests.jobs.batches.conftest import Desk, requests


def test_it_arrives_signed_and_counts_the_requests(
    redis, settings, transitions, key_id, receiver, sending, await_log
):
    desk = Desk(redis, settings, key_id)
    batch_id = desk.accept(requests(2), webhook_url=receiver.url).batch_id

    with sending():
        for request_id in desk.ids(batch_id):
            transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})
        [got] = receiver.await_calls(1)
        await_log(batch_id, State.DELIVERED)

    assert got.message_id == f"msg_{batch_id.replace('-', '')}_completed"
    assert got.is_signed_with(KeySecrets(redis, settings).read(key_id))
    body = json.loads(got.body)
    assert (body["type"], body["batch_id"]) == ("batch.completed", batch_id)
    assert body["request_counts"]["completed"] == 2
