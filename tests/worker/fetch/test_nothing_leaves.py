"""Every attack of the tables on real sockets, in a network namespace where each address is this host.

A hole is not a wrong return value but a hit on a listener, and no packet can leave the machine.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.worker.fetch.attacks import ADDRESSES, BAD_NAMES, HARMLESS, NUMBERS, PRIVATE_NAMES, TEXTS
from tests.worker.fetch.names import PUBLIC, PUBLIC_V4
from worker.fetch.errors import UNREACHABLE

ROOT = Path(__file__).parents[3]
ROUTES = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo"
HOSTILE_ENVIRONMENT = {
    "HTTP_PROXY": "http://10.0.0.1:8080",
    "HTTPS_PROXY": "http://10.0.0.1:8080",
    "ALL_PROXY": "http://10.0.0.1:8080",
    "http_proxy": "http://10.0.0.1:8080",
}

Finding = dict[str, Any]
Row = tuple[str, str]

SILENT = [*ADDRESSES, *PRIVATE_NAMES, *BAD_NAMES]
DIRECT = [*SILENT, *NUMBERS, *TEXTS]
REBINDING = [
    "http://rebind.shop.com/to/http://rebind.shop.com:8080/",
    "http://rebind.shop.com/to/http://rebind.shop.com/",
    "http://rebind-metadata.shop.com/to/http://rebind-metadata.shop.com/latest/meta-data/",
]


def each(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "url", [pytest.param(url, id=f"{what}: {url[:60]!r}") for url, what in rows]
    )


def redirect_to(url: str) -> str:
    return f"http://{PUBLIC_V4}/to/{quote(url, safe='', errors='replace')}"


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    direct = [url for url, _ in (*DIRECT, *HARMLESS)]
    urls = [*direct, *(redirect_to(url) for url in direct), *REBINDING]
    python = shlex.quote(sys.executable)
    child = subprocess.run(
        [*_namespace(), f"{ROUTES} && exec {python} -m tests.worker.fetch.inside_namespace"],
        input=json.dumps(urls),
        env=os.environ | HOSTILE_ENVIRONMENT,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return {finding["url"]: finding for finding in json.loads(child.stdout)}


def _namespace() -> list[str]:
    """The command that runs a shell line in a new namespace; skips without the privilege, fails in CI."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):
        shell = [*command, "sh", "-c"]
        if shutil.which("unshare") and subprocess.run([*shell, ROUTES], capture_output=True).returncode == 0:
            return shell
    reason = "no right to make a network namespace (needs Linux, unshare, ip, and root or user namespaces)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@each(HARMLESS)
def test_a_harmless_address_is_fetched_so_the_listeners_do_work(url, findings):
    finding = findings[url]
    assert finding.get("body") == "a picture", finding
    assert len(finding["hits"]) == 1
    assert set(finding["hits"]) <= PUBLIC


@each(DIRECT)
def test_an_attack_is_refused_and_no_packet_leaves(url, findings):
    finding = findings[url]
    assert "body" not in finding
    assert finding["code"] == "fetch_failed"
    assert finding["text"].startswith("mask: ")
    assert finding["hits"] == []


@each(SILENT)
def test_refused_unknown_and_unreachable_addresses_have_the_same_text(url, findings):
    _, _, text = findings[url]["text"].partition(" cannot be ")
    assert f"cannot be {text}" == UNREACHABLE


@each([*SILENT, *NUMBERS])
def test_a_redirect_to_an_attack_is_not_followed(url, findings):
    finding = findings[redirect_to(url)]
    assert "body" not in finding
    assert finding["text"].endswith(UNREACHABLE)
    assert set(finding["hits"]) == {PUBLIC_V4}


@each(TEXTS)
def test_a_redirect_to_a_malformed_address_leads_only_to_public_addresses(url, findings):
    assert set(findings[redirect_to(url)]["hits"]) <= PUBLIC


@pytest.mark.parametrize("url", REBINDING)
def test_a_name_whose_addresses_change_is_checked_for_each_connection(url, findings):
    finding = findings[url]
    assert finding["text"].endswith(UNREACHABLE)
    assert finding["hits"] == [PUBLIC_V4]


def test_a_name_is_looked_up_once_for_a_connection(findings):
    assert findings["http://rebind.shop.com/"]["asked"] == {"rebind.shop.com": 1}


@each([*ADDRESSES, *NUMBERS, *PRIVATE_NAMES, *TEXTS])
def test_a_url_that_is_invalid_by_its_text_is_refused_before_any_look_up(url, findings):
    assert findings[url]["asked"] == {}
