"""Whatever fails, no accepted request is lost, completed twice, charged twice or left behind."""

import asyncio

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.run import Plan, run

SEED = 20


@pytest.mark.timeout(400)
def test_every_accepted_request_finishes_once_under_faults_of_every_kind(tmp_path):
    plan = Plan(SEED, requests=80, faults=10, seconds=10, kinds=tuple(KINDS), result_ttl_s=20)

    report = asyncio.run(run(plan, tmp_path, print))

    assert not report.violations, str(report)
