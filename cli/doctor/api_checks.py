"""Checks the API: whether it answers, is ready and accepts the key."""

import httpx
import typer

from cli.client.server import Server, find_key
from cli.doctor.finding import Finding, Findings, fail, fail_unless, ok, warn

REPLY_TIMEOUT_S = 5


def check_api(server: str | None, key: str | None) -> Findings:
    """A server given by the user must answer; without one, this machine's API need not run."""
    where = Server.find(server)
    with httpx.Client(base_url=where.url, timeout=REPLY_TIMEOUT_S, trust_env=not where.is_here) as http:
        try:
            alive = http.get("/livez").status_code == httpx.codes.OK
        except httpx.TransportError:
            advice = "start it (`superimpose up`), or give another --server"
            yield (fail if server else warn)("api", f"nothing answers at {where.url}", advice)
            return
        yield fail_unless("api", alive, f"answers at {where.url}", "is this the address of this service?")
        try:
            yield from _ready(http)
            yield _key(http, where, key)
        except httpx.TransportError:
            yield fail("api", "has stopped answering", "look at its log")


def _ready(http: httpx.Client) -> Findings:
    response = http.get("/readyz")
    if response.status_code == httpx.codes.NOT_FOUND:
        return
    try:
        missing = ", ".join(map(str, response.json().get("missing", ())))
    except (ValueError, AttributeError):
        return
    yield fail_unless(
        "api readiness",
        response.status_code == httpx.codes.OK,
        f"cannot use {missing}" if missing else "ready",
        "see the line about it above",
    )


def _key(http: httpx.Client, where: Server, key: str | None) -> Finding:
    try:
        text = find_key(key, where)
    except typer.BadParameter:
        return ok("api key", "none given, not checked")
    response = http.get("/v1/get-user-credits", headers={"x-api-key": text})
    return fail_unless(
        "api key",
        response.status_code == httpx.codes.OK,
        "valid" if response.status_code == httpx.codes.OK else f"answered {response.status_code}",
        "make one with `superimpose keys create`, and set SUPERIMPOSE_API_KEY to it",
    )
