"""`superimpose webhooks` as a process: started, killed, stopped, two of them."""

import os
import re
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.config.settings import BAD_SETTINGS
from jobs.webhooks.deliveries import Deliveries, State
from jobs.webhooks.secrets import OFF, KeySecrets
from tests import warm
from tests.exposed import scrape, value
from tests.redis.sentinels import until
from tests.stack import environment, free_port
from tests.webhook_events import MASTER, completed, event_of, lapse


@pytest.fixture
def env(redis_socket, tmp_path):
    return environment(
        f"unix://{redis_socket}?db=1",
        tmp_path,
        webhook_secret=MASTER,
        webhook_http="true",
        fetch_allow="127.0.0.1/32",
    )


@contextmanager
def role(env, **more):
    variables = {f"SUPERIMPOSE_{name.upper()}": str(text) for name, text in more.items()}
    with log_file(env).open("ab") as log:
        process = warm.start(["cli", "webhooks"], env | variables, log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def log_file(env):
    return Path(env["SUPERIMPOSE_DATA_DIR"]) / "log"


def test_the_sender_sends_until_sigterm_and_exits_cleanly(
    redis, settings, env, transitions, key_id, receiver, await_log
):
    with role(env) as process:
        request_id = completed(transitions, key_id, receiver.url)
        await_log(request_id, State.DELIVERED)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0

    first, *more = log_file(env).read_text().splitlines()
    assert re.fullmatch(r".* sending events, up to \d+ at a time", first)
    assert all("Redis cannot be reached, events wait" in each for each in more), "while it connects"
    assert receiver.got[0].is_signed_with(KeySecrets(redis, settings).read(key_id))


def test_sigterm_lets_the_sender_finish_events_in_flight(env, transitions, key_id, receiver, await_log):
    came, go_on = threading.Event(), threading.Event()

    def answer(_):
        came.set()
        go_on.wait(60)
        return 204, {}

    receiver.answers = answer
    with role(env) as process:
        request_id = completed(transitions, key_id, receiver.url)
        assert came.wait(60)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        go_on.set()
        assert process.wait(60) == 0

    assert await_log(request_id, State.DELIVERED)


def test_an_event_in_flight_survives_a_kill(redis, env, transitions, key_id, receiver, await_log):
    """The receiver has read the event and its answer never arrives: it gets the same again, and no other."""
    killed = []

    def answer(_):
        if not killed:
            killed.append(True)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        return 204, {}

    receiver.answers = answer
    with role(env) as process:
        request_id = completed(transitions, key_id, receiver.url)
        until(lambda: receiver.got, "the receiver is called")
    assert int(event_of(redis, request_id)[b"lease"]) > 0
    assert Deliveries(redis).find(request_id).attempts == []

    lapse(redis, request_id)
    with role(env) as process:
        await_log(request_id, State.DELIVERED)

    assert len(receiver.got) == 2
    assert len({(call.message_id, call.body) for call in receiver.got}) == 1


def test_no_event_is_lost_by_kills_under_load(redis, env, transitions, key_id, receiver, await_log):
    over = threading.Event()

    def answer(_):
        if len(receiver.got) >= 200:
            over.wait(60)
        return 204, {}

    receiver.answers = answer
    ended = [completed(transitions, key_id, receiver.url) for _ in range(300)]
    for enough in (20, 120):
        with role(env):
            until(lambda enough=enough: len(receiver.got) >= enough, f"{enough} calls")
    over.set()
    deliveries = Deliveries(redis)
    left = [each for each in ended if deliveries.find(each).state is State.PENDING]
    assert left
    for request_id in left:
        if event_of(redis, request_id).get(b"lease", b"0") != b"0":
            lapse(redis, request_id)

    with role(env):
        for request_id in left:
            await_log(request_id, State.DELIVERED)

    assert {call.message_id for call in receiver.got} == {
        f"msg_{each.replace('-', '')}_completed" for each in ended
    }


def test_without_a_master_secret_the_sender_does_not_start(env):
    with role(env, webhook_secret="") as process:
        assert process.wait(60) == BAD_SETTINGS

    assert log_file(env).read_text() == f"superimpose: {OFF}\n"


def test_the_sender_counts_its_attempts(env, transitions, key_id, receiver, await_log):
    port = free_port()
    receiver.answers = lambda _: (204 if len(receiver.got) else 500, {})
    with role(env, metrics_port=port):
        first = completed(transitions, key_id, receiver.url)
        await_log(first, attempts=1)
        await_log(completed(transitions, key_id, receiver.url), State.DELIVERED)
        counted = scrape(f"http://127.0.0.1:{port}/metrics")

    assert value(counted, "webhook_attempts_total", outcome="retry") == 1
    assert value(counted, "webhook_attempts_total", outcome="delivered") == 1
    assert value(counted, "webhook_events_total", outcome="delivered") == 1
    assert value(counted, "webhook_events_total", outcome="failed") == 0
