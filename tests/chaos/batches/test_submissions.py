"""The generated batches are of all kinds."""

import json
from random import Random

from tests.chaos.batches.submissions import ROUND, SubmittedBatch, batches
from tests.chaos.requests import RequestGenerator

KEYS = ["key_1", "key_2"]


def generated_batches() -> list[SubmittedBatch]:
    generator = RequestGenerator(Random(1), "http://here", "http://there", "http://receiver", KEYS)
    return list(batches(generator, Random(1), 500))


def test_both_formats_of_a_batch_have_the_same_requests():
    for submission in generated_batches():
        head, *lines = map(json.loads, submission.content(is_lines=True).splitlines())

        assert json.loads(submission.content(is_lines=False)) == {**head, "requests": lines}
        assert [{**head["defaults"], **line} for line in lines] == [
            {**head["defaults"], **member.full_body} for member in submission.members
        ]


def test_all_kinds_occur_and_the_number_of_requests_is_as_given():
    submission = generated_batches()

    assert {each.kind for each in submission} == set(ROUND)
    assert sum(len(each.members) for each in submission if not each.is_refused) == 500


def test_all_requests_of_a_batch_have_one_key():
    submission = generated_batches()

    assert {each.key_id for each in submission} == set(KEYS)
    assert all({member.key_id for member in each.members} == {each.key_id} for each in submission)
