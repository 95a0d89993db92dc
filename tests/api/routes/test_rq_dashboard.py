"""RQ's dashboard behind the admin key, read-only by default."""

import os
import pickle
import signal
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import sync_playwright
from redis import Redis

from api.errors import ApiError
from api.routes.rq_pages import create_pages
from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from tests import origin as origins
from tests.browser import FLAGS
from tests.stack import KEY, Stack, empty_database, environment, running

ADMIN_KEY = "admin-key-of-the-whole-suite"
BASIC = httpx.BasicAuth("anybody", ADMIN_KEY)
PAGES = ("/", "/0/view/workers", "/0/view/jobs")
CHANGES = [
    ("POST", "/queue/superimpose/queued/empty"),
    ("POST", "/queue/superimpose/compact"),
    ("POST", "/requeue/superimpose"),
    ("GET", "/requeue/superimpose"),
    ("POST", "/job/{}/requeue"),
    ("POST", "/job/{}/delete"),
]


@dataclass
class Dashboard:
    """A service with a running, a waiting and a failed request, as the administrator sees it."""

    stack: Stack
    redis: Redis
    key_id: str
    running: str
    waiting: str
    failed: str

    def get(self, path: str, **options: object) -> httpx.Response:
        """A call with the admin key as the password, on its own connection."""
        return httpx.get(f"{self.stack.url}/admin/rq{path}", auth=BASIC, trust_env=False, **options)

    def listed(self, registry: str) -> list[str]:
        """The ids of the jobs listed at a path."""
        queue = f"superimpose:{self.key_id}" if registry == "queued" else "superimpose"
        jobs = self.get(f"/0/data/jobs/{queue}/{registry}/8/asc/1.json").json()["jobs"]
        return [job["id"] for job in jobs]

    def everything(self) -> dict[bytes, bytes | None]:
        """RQ's keys and the records in Redis, without heartbeats and leases."""
        quiet = (b"rq:job:*", b"rq:queue*", b"rq:failed:*", b"superimpose:waiting")
        return {key: self.redis.dump(key) for like in quiet for key in self.redis.keys(like)}


@pytest.fixture(scope="module")
def dashboard(redis_socket, tmp_path_factory) -> Iterator[Dashboard]:
    url = empty_database(redis_socket, 5)
    folder = tmp_path_factory.mktemp("rq")
    patience = {"fetch_timeout_s": 100, "job_timeout_s": 250, "lease_s": 300}
    env = environment(url, folder, admin_key=ADMIN_KEY, fetch_allow="127.0.0.1/32", fetch_ahead=0, **patience)
    with origins.serving() as origin, Redis.from_url(url) as redis, running(env) as stack:
        pictures = {"overlay_image": f"{origin.url}/logo.png"}
        failed = stack.submit(base_image=f"{origin.url}/page.html", **pictures)
        stack.finish(failed)
        held = stack.submit(base_image=f"{origin.url}/hangs.jpg", **pictures)
        origin.await_request("/hangs.jpg")
        waiting = stack.submit(base_image=f"{origin.url}/cup.jpg", **pictures)
        worker = stack.processes[-1]
        worker.send_signal(signal.SIGSTOP)  # freezes all states for the duration of the tests
        [key] = ApiKeys(redis).list()
        yield Dashboard(stack, redis, key.key_id, held, waiting, failed)
        origin.release.set()
        worker.send_signal(signal.SIGCONT)


def test_it_shows_waiting_running_and_failed_jobs(dashboard):
    queues = {queue["name"]: queue for queue in dashboard.get("/0/data/queues.json").json()["queues"]}
    queue = queues.pop("superimpose")
    counts = {name: queue[f"{name}_job_registry_count"] for name in ("started", "failed")}
    assert (queue["count"], counts) == (0, {"started": 1, "failed": 1})
    assert [(name, queue["count"]) for name, queue in queues.items()] == [
        (f"superimpose:{dashboard.key_id}", 1)
    ]
    assert dashboard.listed("queued") == [dashboard.waiting]
    assert dashboard.listed("started") == [dashboard.running]
    assert dashboard.listed("failed") == [dashboard.failed]
    (worker,) = dashboard.get("/0/data/workers.json").json()["workers"]
    assert worker["state"] == "busy"
    assert worker["current_job"]["job_id"] == dashboard.running
    assert dashboard.get(f"/0/data/job/{dashboard.failed}.json").json()["status"] == "failed"


def test_viewing_changes_nothing(dashboard):
    dashboard.redis.rpush(keyspace.RQ_QUEUE, "0" * 36)  # RQ would remove a job that it cannot load
    before = dashboard.everything()
    for path in (*PAGES, f"/0/view/job/{dashboard.waiting}"):
        assert dashboard.get(path).status_code == 200
    assert dashboard.listed("queued") == [dashboard.waiting]
    dashboard.get("/0/data/workers.json")

    assert dashboard.everything() == before
    dashboard.redis.lrem(keyspace.RQ_QUEUE, 0, "0" * 36)


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_changes_are_refused(dashboard, method, path):
    before = dashboard.everything()
    answer = dashboard.stack.client.request(
        method, f"/admin/rq{path.format(dashboard.waiting)}", auth=BASIC, headers={"x-api-key": ""}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "read_only")
    assert dashboard.everything() == before


@pytest.mark.parametrize("path", [*PAGES, "/static/css/main.css", "/nothing"])
def test_it_needs_the_admin_key(dashboard, path):
    url = dashboard.stack.url + "/admin/rq" + path
    tries = {
        "none": ({}, 401),
        "wrong": ({"auth": ("anybody", ADMIN_KEY + "x")}, 401),
        "no password": ({"headers": {"authorization": "Basic !"}}, 401),
        "a client's": ({"auth": ("anybody", KEY)}, 403),
        "a client's, beside the admin key as name": ({"auth": (ADMIN_KEY, KEY)}, 403),
    }
    for description, (options, status) in tries.items():
        answer = httpx.get(url, trust_env=False, **options)
        assert answer.status_code == status, description
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert answer.json()["code"] in ("missing_key", "invalid_key", "missing_scope")


def test_the_admin_key_is_accepted_in_the_usual_headers(dashboard):
    answer = httpx.get(dashboard.stack.url + "/admin/rq/", headers={"x-api-key": ADMIN_KEY}, trust_env=False)
    assert answer.status_code == 200
    moved = httpx.get(dashboard.stack.url + "/admin/rq", trust_env=False)
    assert str(moved.next_request.url).endswith("/admin/rq/")


def test_unknown_pages_and_jobs_are_json_errors(dashboard):
    for path in ("/nothing", "/0/data/job/gone.json", "/0/view/job/gone"):
        answer = dashboard.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_nothing_in_redis_is_unpickled(dashboard, tmp_path):
    witness = tmp_path / "ran"
    poison = pickle.dumps(_MakeFolder(str(witness)))
    poisoned = "11111111-1111-4111-8111-111111111111"
    plain = dashboard.redis.hgetall(f"rq:job:{dashboard.waiting}")
    fields = plain | {b"meta": poison, b"result": poison, b"data": zlib.compress(poison)}
    dashboard.redis.hset(f"rq:job:{poisoned}", mapping=fields)
    dashboard.redis.rpush(keyspace.RQ_QUEUE, poisoned)
    execution = dashboard.redis.zrange(keyspace.RQ_STARTED, 0, -1)[0]
    dashboard.redis.hset(f"rq:execution:{execution.decode()}", "job_id", poisoned)
    try:
        for path in (
            f"/0/view/job/{poisoned}",
            f"/0/data/job/{poisoned}.json",
            "/0/data/jobs/superimpose/queued/8/asc/1.json",
            "/0/data/workers.json",
        ):
            dashboard.get(path)
        assert not witness.exists()
    finally:
        dashboard.redis.lrem(keyspace.RQ_QUEUE, 0, poisoned)
        dashboard.redis.hset(f"rq:execution:{execution.decode()}", "job_id", dashboard.running)
    pickle.loads(poison)
    assert witness.exists()  # without our patch it would have been created


class _MakeFolder:
    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return (os.mkdir, (self._path,))


def test_it_works_in_a_browser_whose_policy_blocks_injected_scripts(dashboard, chromium):
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(http_credentials={"username": "x", "password": ADMIN_KEY})
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        queue = f"superimpose:{dashboard.key_id}"
        page.goto(f"{dashboard.stack.url}/admin/rq/0/view/jobs/{queue}/queued/8/asc/1")
        page.wait_for_selector(f"text={dashboard.waiting}")
        page.goto(f"{dashboard.stack.url}/admin/rq/0/view/workers")
        page.wait_for_selector("text=worker.tasks.superimpose()")
        page.evaluate(
            "document.head.append(Object.assign(document.createElement('script'), {text: 'own = 1'}))"
        )
        assert page.evaluate("typeof own") == "undefined"
        browser.close()
    assert [text for text in complaints if "Content Security Policy" not in text] == []
    assert len(complaints) == 1  # about the script injected here


def test_with_writes_on_other_origins_are_still_refused(settings):
    client = create_pages(settings.model_copy(update={"rq_dashboard_writes": True})).test_client()
    empty = "/queue/superimpose/queued/empty"
    with pytest.raises(ApiError, match="own pages"):
        client.post(empty, headers={"Origin": "http://evil.example"})
    with pytest.raises(ApiError, match="takes POST"):
        client.get("/requeue/superimpose")

    assert client.post(empty, headers={"Origin": "http://localhost"}).json == {"status": "OK"}
