"""`superimpose queue`: printed once, or redrawn until a key is pressed."""

import fcntl
import io
import itertools
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from rich.console import Console

from cli.queue import view, watch
from jobs import keyspace
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.queries import snapshot
from jobs.queries.queue_state import read_queue_state
from jobs.queries.snapshot import RegisteredWorker, Snapshot
from tests.asking import LEASE_OWNER
from tests.cli.conftest import TIMEOUT_S

RUNNING = "00000002-0000-4000-8000-000000000000"
SIZE = struct.pack("HHHH", 40, 120, 0, 0)  # of a terminal: rows, columns, width and height in pixels


@pytest.fixture
def queue(without_service):
    return lambda *arguments: without_service("queue", *arguments)


@pytest.fixture
def ended(redis, settings, key_id):
    """One queued request, one in processing, and two finished ones."""
    transitions = Transitions(redis, settings)
    for number in range(4):
        transitions.create(
            NewRequest(f"{number:08x}-0000-4000-8000-000000000000", key_id, {"base_image": "a"})
        )
    (first,) = transitions.claim(LEASE_OWNER)
    transitions.fail(first.request_id, 1, Failure(FailureCode.FETCH_FAILED, "no"), {"fetch": 0.25})
    (second,) = transitions.claim(LEASE_OWNER)
    transitions.cancel(second.request_id, Failure(FailureCode.CANCELLED, "no"))
    assert [claim.request_id for claim in transitions.claim(LEASE_OWNER)] == [RUNNING]


def test_it_counts_waiting_running_and_finished_requests(queue, ended):
    shown = json.loads(queue("--json").stdout)

    assert (shown["waiting"], shown["running"], shown["workers"]) == (1, 1, [])
    assert shown["ended"] == {"COMPLETED": 0, "FAILED": 2}
    assert shown["failures"] == {"fetch_failed": 1, "cancelled": 1}
    assert shown["oldest_waiting_s"] >= 0
    text = queue("--once").stdout
    for part in ("1 waiting (the first for", "1 running", "2 FAILED", "fetch_failed 1", "no workers"):
        assert part in text


def test_waiting_running_and_delayed_requests_are_all_that_are_not_finished(queue, redis, settings, ended):
    Transitions(redis, settings).give_back(RUNNING, 1)

    shown = json.loads(queue("--json").stdout)

    state = read_queue_state(redis)
    assert (shown["waiting"], shown["running"], shown["delayed"]) == (1, 0, 1)
    assert (shown["waiting"], shown["running"] + shown["delayed"]) == (
        state.waiting,
        state.processing,
    )


def test_busy_workers_are_those_with_running_requests(queue, redis, ended):
    redis.sadd("rq:workers:superimpose", f"rq:worker:{LEASE_OWNER.worker}")
    redis.hset(f"rq:worker:{LEASE_OWNER.worker}", mapping={"birth": "2026-11-29T00:00:00.0Z", "pid": 7})

    shown = json.loads(queue("--json").stdout)

    assert [worker["request_id"] for worker in shown["workers"]] == [RUNNING]
    assert shown["running"] == 1


def test_reasons_are_counted_for_failures_of_the_last_minute(queue, redis, key_id, ended):
    earlier = "00000008-0000-4000-8000-000000000000"
    redis.zadd("rq:failed:superimpose", {earlier: 1})
    fields = {"key_id": key_id, "status": "FAILED", "created_at": 1, "code": "internal"}
    redis.hset(keyspace.request(earlier), mapping=fields)

    shown = json.loads(queue("--json").stdout)

    assert shown["ended"]["FAILED"] == sum(shown["failures"].values()) == 2


def test_reasons_are_sampled_from_the_newest_failures_if_there_are_many(queue, redis, key_id, ended):
    earlier = [f"{number:08x}-1000-4000-8000-000000000000" for number in range(snapshot.SAMPLE)]
    now_ms = redis.time()[0] * 1000
    with redis.pipeline() as pipe:
        pipe.zadd("rq:failed:superimpose", dict.fromkeys(earlier, now_ms // 1000 + 30))
        for request_id in earlier:
            fields = {"key_id": key_id, "status": "FAILED", "created_at": now_ms, "code": "internal"}
            pipe.hset(keyspace.request(request_id), mapping=fields)
        pipe.execute()

    shown = json.loads(queue("--json").stdout)

    assert (shown["sampled"], shown["ended"]["FAILED"]) == (snapshot.SAMPLE, snapshot.SAMPLE + 2)
    assert f"{snapshot.SAMPLE + 2} FAILED (of the newest {snapshot.SAMPLE}: " in queue("--once").stdout


def test_workers_are_listed_with_their_numbers_of_jobs(superimpose, service):
    request_id = service.submit(base_image=f"{service.url}/samples/cup.jpg", overlay_image="nonsense")
    service.finish(request_id)

    shown = json.loads(superimpose("queue", "--json").stdout)

    assert [worker["state"] for worker in shown["workers"]] == ["idle", "idle"]
    assert all(worker["pid"] and worker["since"] and worker["heard_at"] for worker in shown["workers"])
    assert "2 workers" not in superimpose("queue").stdout
    assert superimpose("queue").stdout.count("idle") == 2


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["a key", "Ctrl-C"])
def test_on_a_terminal_it_is_redrawn_until_a_key_is_pressed(queue, ended, key):
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, SIZE)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "queue", "--interval", "0.2"],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    shown = b""
    while shown.count(b"press any key to quit") < 3:
        shown += os.read(terminal, 65536)
    os.write(terminal, key)

    _, message = process.communicate(timeout=TIMEOUT_S)
    os.close(terminal)

    assert (process.returncode, message) == (0, b"")
    assert b"waiting (the first for" in shown


def test_while_redis_is_away_the_last_state_is_marked_as_old(monkeypatch):
    terminal, theirs = pty.openpty()
    last = Snapshot(1e3, 7, 0, 0, 1.0, None, dict.fromkeys(Status, 0), {}, {}, 0, [])
    console = Console(width=110, file=io.StringIO(), force_terminal=True)
    attempts = itertools.count()

    def take() -> Snapshot:
        attempt = next(attempts)
        if attempt == 0:
            return last
        if attempt == 2:
            os.write(terminal, b"q")
        raise RedisConnectionError

    with os.fdopen(theirs) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        watch(console, take, 0)
    os.close(terminal)

    hints = re.findall("press any key|this is old", console.file.getvalue())
    assert hints[0] == "press any key"
    assert {*hints[1:]} == {"this is old"}


@pytest.mark.parametrize("width", [80, 110])
def test_long_names_of_workers_and_ids_of_requests_are_readable_in_a_terminal(width):
    host = "superimpose-worker-7d9f8b6c5-x2k4j"
    worker = RegisteredWorker("any", "busy", host, 4321, 940.0, 1e3, 12_345_000, 6_789, RUNNING, 999.0)
    seen = Snapshot(1e3, 0, 1, 0, None, None, dict.fromkeys(Status, 0), {}, {}, 0, [worker])
    console = Console(width=width, record=True, file=io.StringIO())

    console.print(view(seen, width))

    _, table = console.export_text().split("\n\n")
    head, *rows = table.splitlines()
    assert "".join(row[: head.index("state")].strip() for row in rows) == f"{host}:4321"
    ids = slice(head.index("request"), head.index("up for"))
    assert "".join(row[ids].strip() for row in rows) == RUNNING
    assert rows[0].split()[-2:] == ["12,351,789", "6,789"]
