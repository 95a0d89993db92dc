"""Errors of a load test are one line and a nonzero status, and no other host gets calls."""

import re

import pytest

from jobs.pictures.inputs import sample_bytes
from loadtest.command import main, parse
from loadtest.target import Target, Unusable
from tests.build_products.loadtest.two_faced import TwoFaced
from tests.in_thread import in_thread
from tests.stack import KEY, empty_database, environment, free_port, running

BODY = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}


@pytest.fixture
def elsewhere():
    """A host that must not get calls; records those it gets."""
    with in_thread(TwoFaced("http://127.0.0.1:9", well=9)) as server:
        yield server


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--host", "ftp://somewhere"], "must look like http://127.0.0.1:8000, not 'ftp://somewhere'"),
        (["--host", "somewhere"], "must look like http://127.0.0.1:8000, not 'somewhere'"),
        (["--host", "http://"], "must look like"),
        (["--host", "http://somewhere/v2"], "must look like"),
        (["--host", "http://somewhere:port"], "must look like"),
        (["--host", "http://me@somewhere"], "must look like"),
        (["--host", "http://[::1"], "must look like"),
        (["--host", "http://somewhere"], "needs a key"),
        (["--clients", "many"], "must look like 1,2,4,8, not 'many'"),
        (["--clients", "1,,2"], "must look like 1,2,4,8"),
        (["--clients", "0"], "from 1 to 1000 each, not '0'"),
        (["--clients", "1,1001"], "from 1 to 1000 each"),
        (["--seconds", "1"], "from 2 to 600, not '1'"),
        (["--seconds", "-5"], "from 2 to 600, not '-5'"),
        (["--seconds", "1e9"], "from 2 to 600"),
        (["--pictures", "http://192.0.2.7:9000"], "--pictures is for --host"),
        (["--host", "http://a", "--pictures", "192.0.2.7:9000"], "must look like http://"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_an_invalid_command_line_is_one_line_and_exit_code_2(arguments, why, capsys, monkeypatch):
    monkeypatch.delenv("KEY", raising=False)
    with pytest.raises(SystemExit) as ended:
        parse(arguments)

    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("loadtest: ")
    assert why in line


def test_a_dead_host_is_one_line(tmp_path, capsys):
    url = f"http://127.0.0.1:{free_port()}"

    assert main(["--host", url, "--key", "any", "--out", str(tmp_path)]) == 1

    printed = capsys.readouterr()
    assert not printed.out
    [line] = printed.err.splitlines()
    assert line.startswith(f"loadtest: no answer from {url}: ")


def refusal(host: str, key: str = "any") -> str:
    """Why a service is unusable."""
    with Target(host, key) as target, pytest.raises(Unusable) as refused:
        target.check("superimpose", BODY)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_an_unknown_host_name_is_unusable():
    assert "no answer from http://nobody.invalid: " in refusal("http://nobody.invalid")


@pytest.fixture(scope="module")
def full(redis_socket, tmp_path_factory):
    """A service whose queue is full."""
    env = environment(empty_database(redis_socket, 2), tmp_path_factory.mktemp("full"), max_waiting=1)
    with running(env, workers=0) as stack:
        stack.submit(**BODY)
        yield stack


def test_a_wrong_key_is_refused(full):
    assert "401 invalid_key: this API key is not valid" in refusal(full.url, "wrong")


def test_a_queue_that_is_full_at_the_start_is_unusable(full):
    assert "429 queue_full: the queue is full: at most 1 requests may wait" in refusal(full.url, KEY)


def test_uploaded_pictures_have_urls_for_requests(full):
    logo = {"logo.png": sample_bytes("logo.png") or b""}
    with Target(full.url, KEY) as target:
        urls = target.upload({f"{number}.png": data for number in range(21) for data in logo.values()})

    assert len(urls) == 21
    assert full.client.get(urls[-1]).content == logo["logo.png"]


def test_another_service_is_unusable(origin):
    assert "was answered 204: is that the service?" in refusal(origin.url)


def test_an_address_for_pictures_that_is_not_local_is_refused(full, tmp_path, capsys):
    run = ["--host", full.url, "--key", KEY, "--pictures", "http://192.0.2.7:9000", "--out", str(tmp_path)]

    assert main(run) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("loadtest: cannot serve pictures at 192.0.2.7:9000 (")


def test_a_host_that_redirects_is_not_followed(elsewhere):
    with in_thread(TwoFaced(elsewhere.url, well=0)) as host:
        assert f"302 to {elsewhere.url}/v2/superimpose: give the address itself" in refusal(host.url)

    assert not elsewhere.asked


def test_refused_load_ends_in_one_line_and_a_report_and_calls_no_other_host(elsewhere, tmp_path, capsys):
    run = ["--clients", "4,8", "--seconds", "2", "--out", str(tmp_path), "--key", "secret"]
    with in_thread(TwoFaced(elsewhere.url, well=2)) as host:
        assert main(["--host", host.url, *run]) == 1

    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    assert re.fullmatch(
        r"loadtest: failed: \d of \d requests of 4 clients failed, most with queue_full", line
    )
    assert "8 clients" not in printed.out
    assert not elsewhere.asked
    assert host.submits <= 7  # each client is refused once, and obeys Retry-After
    report = (tmp_path / "report.md").read_text()
    assert re.search(r"^\| queue_full \| [234] \|$", report, re.MULTILINE)
    assert "| HTTP 302 | 1 |" in report
    assert f"**{line.removeprefix('loadtest: ').capitalize()}.**" in report
    assert (tmp_path / "errors.png").exists()
    assert not [path for path in tmp_path.iterdir() if b"secret" in path.read_bytes()]
