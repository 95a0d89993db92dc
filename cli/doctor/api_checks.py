"""The API: does it answer, does it find what it needs, does it know the key."""

import httpx
import typer

from cli.client.server import Server, find_key
from cli.doctor.finding import Finding, Findings, fail, fail_unless, ok, warn

ANSWER_S = 5


def check_api(server: str | None, key: str | None) -> Findings:
    """One that was named must answer; that of this machine need not be there."""
    where = Server.find(server)
    with httpx.Client(base_url=where.url, timeout=ANSWER_S, trust_env=not where.is_here) as http:
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
            yield fail("api", "answers no more", "look at its log")


def _ready(http: httpx.Client) -> Findings:
    answer = http.get("/readyz")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return
    try:
        missing = ", ".join(map(str, answer.json().get("missing", ())))
    except (ValueError, AttributeError):
        return
    yield fail_unless(
        "api readiness",
        answer.status_code == httpx.codes.OK,
        f"misses {missing}" if missing else "has what it needs",
        "see the line about it above",
    )


def _key(http: httpx.Client, where: Server, key: str | None) -> Finding:
    try:
        text = find_key(key, where)
    except typer.BadParameter:
        return ok("api key", "none given, none tried")
    answer = http.get("/v1/get-user-credits", headers={"x-api-key": text})
    return fail_unless(
        "api key",
        answer.status_code == httpx.codes.OK,
        "valid" if answer.status_code == httpx.codes.OK else f"answered {answer.status_code}",
        "make one with `superimpose keys create`, and set SUPERIMPOSE_API_KEY to it",
    )
