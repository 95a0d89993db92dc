"""Proxies that send the calls of many clients over one connection: each gets its own response."""

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests.edge import ANSWER, PATIENCE_S, head, serving
from tests.exposed import scrape, value
from tests.proxies import PROXIES, in_front_of
from tests.stack import KEY, ON_LOOPBACK

VICTIMS, ATTACKERS = 2, 3
ROUNDS = 6  # of attacks and of ordinary calls, concurrently
PICTURES = {"base_image": "http://a.example/a.png", "overlay_image": "http://a.example/a.png"}
UNLIMITED = dict.fromkeys(("rate_limit", "rate_limit_reads", "rate_limit_anonymous"), "unlimited")
LAST = head("/livez", connection="close")

FORGED = b"GET /metrics HTTP/1.1\r\nhost: here\r\n\r\n"
BEGUN = b"GET /metrics HTTP/1.1\r\nhost: here\r\nx: "
"""If it were read as a request, the next client's call would complete it and get its response."""

FAR = b"\r\n" * 50_000
"""Ignored before a request; makes the proxy send what follows in a segment of its own."""


def keyless(body, method="POST", path="/v2/superimpose", **headers):
    framed = {"connection": "Upgrade", "content_length": len(body), **headers}
    return head(path, method, **framed).replace(b"x-api-key", b"x-other") + body


def chunked(body):
    start = keyless(b"", upgrade="x").replace(b"content-length: 0", b"transfer-encoding: chunked")
    return start + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


ATTACKS = {
    "a whole request": keyless(FORGED, upgrade="x"),
    "the beginning of one": keyless(BEGUN, upgrade="h2c"),
    "a whole request far behind": keyless(FAR + FORGED, upgrade="x"),
    "the beginning of one far behind": keyless(FAR + BEGUN, upgrade="websocket"),
    "in chunks": chunked(FAR + FORGED),
    "a GET": keyless(BEGUN, "GET", "/livez", upgrade="websocket"),
    "a tunnel": keyless(BEGUN, "CONNECT", "/livez", connection="keep-alive"),
    "a tunnel far behind": keyless(FAR + FORGED, "CONNECT", "/livez", connection="keep-alive"),
    "a body that is not asked for": keyless(FORGED, connection="keep-alive", expect="100-continue"),
}


@pytest.fixture(scope="module")
def api(redis_socket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("behind")
    with serving(redis_socket, folder, "cli", "api", metrics="true", **UNLIMITED) as api:
        yield api
        assert "Traceback" not in api.log


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request, api, tmp_path_factory):
    with in_front_of(api.port, PROXIES[request.param], tmp_path_factory.mktemp("proxy")) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_client_gets_the_response_to_another(api, proxy, attack):
    shown = times_shown(api)
    with ThreadPoolExecutor(VICTIMS + ATTACKERS) as pool:
        victims = [pool.submit(use, proxy) for _ in range(VICTIMS)]
        attackers = [pool.submit(assault, proxy, attack) for _ in range(ATTACKERS)]
        submitted = {each for victim in victims for each in victim.result()}
        stolen = b"".join(attacker.result() for attacker in attackers)

    assert len(submitted) == VICTIMS * ROUNDS
    assert b"request_id" not in stolen
    assert b"superimpose_" not in stolen
    assert times_shown(api) == shown + 1  # by this call itself


def times_shown(api):
    """The number of calls of /metrics, which the proxies do not forward."""
    shown = {"route": "/metrics", "method": "GET", "code": "200"}
    return value(scrape(f"{api.url}/metrics"), "http_requests_total", **shown)


def use(port):
    """Submit and poll as a client does, and check that each response fits its call; returns the ids."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": KEY}, **ON_LOOPBACK
    ) as client:
        return [submit_and_ask(client) for _ in range(ROUNDS)]


def submit_and_ask(client):
    submitted = client.post("/v2/superimpose", json=PICTURES)
    assert submitted.status_code == 200, submitted.text
    nowhere, request_id = str(uuid4()), submitted.json()["request_id"]
    for asked, status in ((nowhere, 404), (request_id, 200)):
        answer = client.get(f"/v2/requests/{asked}/status")
        assert (answer.status_code, answer.json()["request_id"]) == (status, asked)
    return request_id


def assault(port, attack):
    """Attack on a new connection each round; returns the responses, which never exceed the requests sent."""
    received = [attacked(port, attack) for _ in range(ROUNDS)]
    assert max(len(ANSWER.findall(each)) for each in received) <= 2
    return b"".join(received)


def attacked(port, attack):
    received = bytearray()
    cut_off = contextlib.suppress(ConnectionError)  # the proxy may reset the connection
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection, cut_off:
        connection.sendall(attack + LAST)
        while piece := connection.recv(65536):
            received += piece
    return received
