"""Chaos asks for batches of every kind."""

import json
from random import Random

from tests.chaos.batches.asking import ROUND, AskedBatch, batches
from tests.chaos.requests import Asking

KEYS = ["key_1", "key_2"]


def asked_batches() -> list[AskedBatch]:
    asking = Asking(Random(1), "http://here", "http://there", "http://receiver", KEYS)
    return list(batches(asking, Random(1), 500))


def test_both_forms_of_a_batch_say_the_same():
    for asked in asked_batches():
        head, *lines = map(json.loads, asked.content(is_lines=True).splitlines())

        assert json.loads(asked.content(is_lines=False)) == {**head, "requests": lines}
        assert [{**head["defaults"], **line} for line in lines] == [
            {**head["defaults"], **member.submitted} for member in asked.members
        ]


def test_there_are_all_kinds_and_so_many_requests_as_are_wanted():
    asked = asked_batches()

    assert {each.kind for each in asked} == set(ROUND)
    assert sum(len(each.members) for each in asked if not each.is_refused) == 500


def test_a_batch_is_of_one_key():
    asked = asked_batches()

    assert {each.key_id for each in asked} == set(KEYS)
    assert all({member.key_id for member in each.members} == {each.key_id} for each in asked)
