"""The admin API, which manages keys and needs the admin key."""

import httpx
import pytest

from tests.stack import KEY, Stack, empty_database, environment, running

ADMIN_KEY = "admin-key-of-the-whole-suite"


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    env = environment(empty_database(redis_socket, 6), tmp_path_factory.mktemp("admin"), admin_key=ADMIN_KEY)
    with running(env, workers=0) as stack:
        stack.client.headers["x-api-key"] = ADMIN_KEY
        yield stack


def made(stack: Stack, **options: object) -> dict:
    answer = stack.client.post("/admin/keys", json={"name": "shop", **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def credits(stack: Stack, key: str) -> httpx.Response:
    return stack.client.get("/v1/get-user-credits", headers={"x-api-key": key})


def test_a_created_key_works_until_it_is_revoked(stack):
    new = made(stack, credits=5, rate="60/hour", scopes=["superimpose"], expires_in_s=3600)

    assert credits(stack, new["key"]).json() == {"credits": 5}
    shown = stack.client.get(f"/admin/keys/{new['key_id']}").json()
    assert (shown["credits"], shown["rate"], shown["scopes"]) == (5, "60/hour", ["superimpose"])
    assert shown["expires_at"] > shown["last_used_at"] > "2026"
    assert new["key"] not in stack.client.get("/admin/keys").text

    assert stack.client.delete(f"/admin/keys/{new['key_id']}").json()["key_id"] == new["key_id"]
    assert credits(stack, new["key"]).status_code == 401
    assert new["key_id"] not in stack.client.get("/admin/keys").text


def test_a_rotated_key_works_with_both_secrets_for_a_while(stack):
    old = made(stack)

    new = stack.client.post(f"/admin/keys/{old['key_id']}/rotate", json={}).json()
    assert [credits(stack, each["key"]).status_code for each in (old, new)] == [200, 200]
    newest = stack.client.post(f"/admin/keys/{old['key_id']}/rotate", json={"overlap_s": 0}).json()

    assert [credits(stack, each["key"]).status_code for each in (old, new, newest)] == [401, 401, 200]


def test_credits_are_added_and_removed_but_not_below_zero(stack):
    key_id = made(stack, credits=5)["key_id"]

    def add(amount: int) -> httpx.Response:
        return stack.client.post(f"/admin/keys/{key_id}/credit", json={"amount": amount})

    assert add(10).json()["credits"] == 15
    assert add(-15).json()["credits"] == 0
    assert (add(-1).status_code, add(-1).json()["code"]) == (409, "credits_refused")


CALLS = [
    ("GET", "/admin/keys", None),
    ("POST", "/admin/keys", {"name": "x"}),
    ("GET", "/admin/keys/{}", None),
    ("DELETE", "/admin/keys/{}", None),
    ("POST", "/admin/keys/{}/rotate", {}),
    ("POST", "/admin/keys/{}/credit", {"amount": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), (KEY, 403), (ADMIN_KEY + "x", 401)])
def test_admin_calls_need_the_admin_key(stack, method, path, body, key, status):
    victim = made(stack)["key_id"]
    before = stack.client.get("/admin/keys").json()

    answer = stack.client.request(method, path.format(victim), json=body, headers={"x-api-key": key})

    assert answer.status_code == status
    assert victim not in answer.text
    assert [key["key_id"] for key in stack.client.get("/admin/keys").json()["keys"]] == [
        key["key_id"] for key in before["keys"]
    ]


@pytest.mark.parametrize(("method", "path", "body"), CALLS[2:])
def test_an_unknown_key_is_a_404(stack, method, path, body):
    answer = stack.client.request(method, path.format("key_gone"), json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name: is required"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a", "credits": -1}, "credits"),
        ({"name": "a", "credits": 1.5}, "credits"),
        ({"name": "a", "credits": 10**30}, "credits"),
        (
            {"name": "a", "rate": "often"},
            'rate: "often" is not allowed: ',
        ),
        ({"name": "a", "rate": 5}, "rate"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["root"]}, "scopes[0]"),
        ({"name": "a", "expires_in_s": 0}, "expires_in_s"),
        ({"name": "a", "admin": True}, "admin: is not a parameter; known are name, credits"),
        ([], "body"),
    ],
)
def test_invalid_key_options_are_refused(stack, body, message):
    answer = stack.client.post("/admin/keys", json=body)

    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_the_admin_key_cannot_submit(stack):
    assert credits(stack, ADMIN_KEY).status_code == 401


def test_without_an_admin_key_there_is_no_admin_api(service):
    answers = [service.client.get(path) for path in ("/admin/keys", "/no/such/path")]

    assert answers[0].text == answers[1].text
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "/admin/keys" not in service.client.get("/openapi.json").json()["paths"]


def test_the_admin_api_is_documented_if_it_is_enabled(stack):
    paths = stack.client.get("/openapi.json").json()["paths"]

    assert set(paths["/admin/keys"]) == {"get", "post"}
    assert set(paths["/admin/keys/{key_id}"]) == {"get", "delete"}
