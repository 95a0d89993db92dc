"""The proxy causes the faults that it should; else the chaos tests would prove nothing."""

import pytest
from redis import ConnectionError, Redis, TimeoutError
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.chaos.outside.proxy import Proxy, Trap, proxying
from tests.chaos.outside.redis_process import RedisProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RedisProcess(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def proxy(server):
    with proxying(server.port) as proxy:
        yield proxy


@pytest.fixture
def direct(server):
    with Redis(port=server.port) as redis:
        redis.flushdb()
        yield redis


@pytest.fixture
def through(proxy: Proxy):
    with Redis(port=proxy.port, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)) as redis:
        yield redis


def test_commands_and_replies_pass(through, direct):
    through.set("word", "said")

    assert direct.get("word") == b"said"


def test_a_reset_breaks_a_connection_and_a_new_one_works(proxy, through):
    through.ping()
    with through.client() as open_connection:
        open_connection.ping()
        proxy.reset()
        with pytest.raises(ConnectionError):
            open_connection.blpop("nothing", timeout=5)

    assert through.ping()


@pytest.mark.parametrize(("flag", "is_run"), [("holds_commands", False), ("holds_answers", True)])
def test_a_trap_holds_its_command_or_the_reply(proxy, through, direct, flag, is_run):
    proxy.trap = Trap(b"bait", flag)
    through.set("word", "said")
    assert proxy.trap

    with pytest.raises(TimeoutError):
        through.set("bait", "taken")

    assert (direct.get("bait") == b"taken") == is_run
    assert proxy.trap is None


def test_refused_connections_are_reset(proxy, through):
    proxy.refuses = True

    with pytest.raises(ConnectionError):
        through.ping()


def test_a_held_command_is_executed_late_even_if_its_client_is_gone(proxy, through, direct):
    through.ping()
    proxy.holds_commands = True
    with pytest.raises(TimeoutError):
        through.rpush("list", "word")
    assert direct.llen("list") == 0

    proxy.holds_commands = False

    assert direct.blpop("list", timeout=5) == (b"list", b"word")


def test_the_command_of_a_held_reply_is_executed(proxy, through, direct):
    through.ping()
    proxy.holds_answers = True

    with pytest.raises(TimeoutError):
        through.set("word", "said")

    assert direct.get("word") == b"said"
