"""Two cells behind nginx as in docs/scaling.md: a key's calls and its pictures' URLs lead to its cell."""

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis
from typer.testing import CliRunner

from cli.main import app
from jobs import keyspace
from tests.proxies import in_front_of_cells
from tests.stack import KEY, ON_LOOPBACK, Stack, empty_database, environment, free_port, running

CELLS = {"eu1": 10, "eu2": 11}
"""The database number of each cell."""

HEADERS = {
    "x-api-key": lambda key: {"x-api-key": key},
    "bearer": lambda key: {"authorization": f"Bearer {key}"},
}


@pytest.fixture(scope="module")
def cells(redis_socket, tmp_path_factory) -> Iterator[dict[str, Stack]]:
    port, folder = free_port(), tmp_path_factory.mktemp("cells")
    with ExitStack() as opened:
        stacks = {}
        for name, number in CELLS.items():
            public_url = f"http://127.0.0.1:{port}/{name}"
            url = empty_database(redis_socket, number)
            env = environment(url, folder / name, cell=name, public_url=public_url)
            stacks[name] = opened.enter_context(running(env))
        ports = tuple(urlsplit(stack.url).port for stack in stacks.values())
        opened.enter_context(in_front_of_cells(port, ports, folder))
        yield stacks


@pytest.fixture(scope="module")
def url(cells):
    """The URL of the proxy."""
    return cells["eu1"].env["SUPERIMPOSE_PUBLIC_URL"].removesuffix("/eu1")


@pytest.fixture(scope="module")
def keys(cells):
    """A key of each cell, created there."""
    return {name: superimpose(stack, "keys", "create", "shop").split()[-1] for name, stack in cells.items()}


def superimpose(stack: Stack, *command: str) -> str:
    done = CliRunner(env=stack.env).invoke(app, command)
    assert done.exit_code == 0, done.output
    return done.stdout


def sample(url: str, cell: str) -> dict[str, str]:
    samples = f"{url}/{cell}/samples"
    return {"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png"}


def requests_in(stack: Stack) -> set[str]:
    start = keyspace.request("")
    with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"], decode_responses=True) as redis:
        return {key.removeprefix(start) for key in redis.scan_iter(f"{start}*")}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(("name", "other"), [("eu1", "eu2"), ("eu2", "eu1")])
def test_a_request_is_processed_only_in_its_key_s_cell(cells, url, keys, name, other, header):
    headers = HEADERS[header](keys[name])
    with httpx.Client(base_url=url, headers=headers, timeout=30, **ON_LOOPBACK) as client:
        submitted = client.post("/v2/superimpose", json=sample(url, name))
        assert submitted.status_code == 200, submitted.text
        request_id = submitted.json()["request_id"]

        status = client.get(f"/v2/requests/{request_id}/status?wait=30").json()
        picture_url = client.get(f"/v2/requests/{request_id}").json()["images"][0]["url"]

    assert status["status"] == "COMPLETED"
    assert picture_url.startswith(f"{url}/{name}/pictures/")
    assert httpx.get(picture_url, **ON_LOOPBACK).content.startswith(b"\xff\xd8\xff")
    assert httpx.get(picture_url.replace(f"/{name}/", f"/{other}/"), **ON_LOOPBACK).status_code == 404
    assert request_id in requests_in(cells[name])
    assert request_id not in requests_in(cells[other])


def test_a_rotated_key_stays_in_its_cell(cells, url, keys):
    key = superimpose(cells["eu2"], "keys", "rotate", "shop").split()[-1]

    assert key.startswith("si_eu2_")
    assert (
        httpx.get(f"{url}/v1/get-user-credits", headers={"x-api-key": key}, **ON_LOOPBACK).status_code == 200
    )


def test_a_key_without_a_cell_name_goes_to_the_first_cell(cells, url):
    answer = httpx.post(
        f"{url}/v2/superimpose", json=sample(url, "eu1"), headers={"x-api-key": KEY}, **ON_LOOPBACK
    )

    assert answer.json()["request_id"] in requests_in(cells["eu1"])


@pytest.mark.parametrize("path", ["/metrics", "/admin/keys", "/eu2/metrics", "/eu2/admin/keys"])
def test_internal_paths_are_not_passed_on(url, path):
    answer = httpx.get(f"{url}{path}", **ON_LOOPBACK)

    assert (answer.status_code, answer.headers["server"]) == (404, "nginx")
