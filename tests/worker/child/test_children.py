"""The current child and its successor, as real processes."""

import os
import select
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from jobs.config.setting_types import MEBIBYTE
from jobs.lifecycle import lease_owner
from tests import warm
from tests.processes import descendants
from tests.stack import environment
from tests.worker.conftest import ForkedChild, Started
from worker.bell import pause
from worker.child.child import Child, ChildRefused
from worker.child.children import Children


@pytest.fixture
def children(settings):
    """Children that are worn after two jobs."""
    made = Children(settings.model_copy(update={"child_max_jobs": 2}), ForkedChild)
    yield made
    made.close()


def ready(children: Children) -> Child:
    """The current one, once it has started."""
    deadline = time.monotonic() + 60
    while not (child := children.ready()) and time.monotonic() < deadline:
        pause(0.1, *children.watched)
    assert child
    return child


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worn_child_ends_once_its_successor_is_ready(children):
    first = ready(children).pid
    children.count_job()
    assert children._successor is None

    children.count_job()
    assert ready(children).pid == first, "its successor has only begun to start"
    select.select([children._successor], [], [], 60)

    assert ready(children).pid != first
    assert not is_alive(first)


def test_a_worn_child_that_has_orders_is_not_replaced(children):
    first = ready(children).pid
    children.count_job()
    children.count_job()
    select.select([children._successor], [], [], 60)

    assert children.has_successor
    assert children.ready(may_replace=False).pid == first


def test_a_worn_child_continues_if_its_successor_dies(children):
    worn = ready(children).pid
    children.count_job()
    children.count_job()
    os.kill(children._successor.pid, signal.SIGKILL)
    children._successor.wait()

    assert ready(children).pid == worn
    children.count_job()
    assert children._successor, "another one is started"


def test_a_worn_child_continues_if_its_successor_refuses_the_settings(settings):
    class Refusing(ForkedChild):
        started = 0

        def await_ready(self) -> None:
            super().await_ready()
            Refusing.started += 1
            if Refusing.started == 2:
                self.kill()
                raise ChildRefused("the model is gone")

    children = Children(settings.model_copy(update={"child_max_jobs": 1}), Refusing)
    worn = ready(children).pid
    children.count_job()
    select.select([children._successor], [], [], 60)

    assert ready(children).pid == worn
    children.close()


def test_a_child_that_has_grown_is_worn(settings):
    children = Children(settings.model_copy(update={"child_max_resident_bytes": MEBIBYTE}), ForkedChild)
    ready(children)
    children.count_job()

    assert (children._successor is not None) == Path("/proc/self/statm").exists()
    children.close()


def test_the_current_child_is_killed_and_replaced(children):
    lost = ready(children).pid

    children.kill_current()

    assert not is_alive(lost)
    assert is_alive(ready(children).pid)


def test_a_child_that_died_while_idle_is_reaped_and_replaced(settings):
    with closing(Children(settings)) as children:
        idle = ready(children).pid
        os.kill(idle, signal.SIGKILL)
        os.waitid(os.P_PID, idle, os.WEXITED | os.WNOWAIT)

        assert ready(children).pid != idle
        assert not is_alive(idle)


def test_a_child_that_receives_an_invalid_order_exits(children):
    child = ready(children)

    child._send(b"no order")

    assert child._process.wait(60) == 1


def test_closing_ends_the_successor_too(children):
    pids = [ready(children).pid]
    children.count_job()
    children.count_job()
    pids.append(children._successor.pid)

    children.close()

    assert not any(map(is_alive, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends children with their parents")
def test_a_busy_child_dies_with_its_worker(settings, submit, origin):
    path = "/hangs.jpg?orphan"
    submit(base_image=origin.url + path)
    env = environment(settings.redis_url, settings.data_dir, fetch_allow="127.0.0.1/32")
    worker = warm.start(["worker"], env, None)
    origin.await_request(path)
    (pid,) = descendants(worker.pid)
    child = lease_owner.process(pid)
    os.kill(pid, signal.SIGSTOP)  # so that it cannot see by itself that its parent is gone

    worker.kill()
    worker.wait()

    deadline = time.monotonic() + 60
    while not lease_owner.is_gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert lease_owner.is_gone(child)


def test_a_child_that_is_killed_while_it_starts_is_started_again(settings, tmp_path):
    started = Started(tmp_path, f'[ "$(wc -l <"{tmp_path}/started")" -gt 1 ] || kill -9 $$')
    children = Children(settings, started.child)

    pid = ready(children).pid

    assert started.pids[1:] == [pid]
    children.close()
