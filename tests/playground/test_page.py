"""The served page: small, self-contained, under a strict policy, and accessible."""

import re

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.playground.conftest import DESK, PHONE
from tests.proxies import in_front_of, nginx_under_a_path
from tests.stack import KEY, empty_database, environment, running

COVERED = """() => {
  const fields = [...document.querySelectorAll("#parameters [data-kind]:enabled")];
  const isCovered = (field) => {
    field.focus();
    const { left, right, top, bottom } = field.closest("[data-field]").getBoundingClientRect();
    const box = field.getBoundingClientRect();
    const isShown = (y) => field.contains(document.elementFromPoint((box.left + box.right) / 2, y));
    const isInside = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
    return !(isInside && isShown(box.top + 2) && isShown(box.bottom - 2));
  };
  const covered = [...fields, ...fields.toReversed()].filter(isCovered);
  return [fields.length, covered.map(({ id }) => id)];
}"""
LINKED = "link:is([rel=stylesheet], [rel=modulepreload])"


def assert_accessible(page, part=None) -> None:
    """axe-core finds no serious problem, and the page is not wider than the screen."""
    found = Axe().run(page, part).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] != "minor"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_first_paint_needs_one_round_of_small_requests(service, visit):
    seen = visit(**DESK)
    own = [request for request in seen.requests if request.resource_type in ("script", "stylesheet")]
    urls = seen.page.eval_on_selector_all(LINKED, "all => all.map(({ href }) => href)")

    # No file is discovered late, loaded twice, or from another host.
    assert sorted(request.url for request in own) == sorted(urls)
    assert all(request.url.startswith(service.url) for request in seen.requests)
    assert len(own) < 37
    others = ("/samples/", "/pictures/", "/v2/requests", "/v2/batches")  # pictures, and lists of the key
    document = [each for each in seen.requests if not any(part in each.url for part in others)]
    assert sum(request.sizes()["responseBodySize"] for request in document) < 69_000


def paths(service):
    """The paths of the page's style sheets and modules."""
    return re.findall(r'="(assets/[^"]+)"', service.client.get("/").text)


def test_without_gzip_the_content_is_the_same(service):
    with httpx.Client(
        base_url=service.url, trust_env=False, headers={"accept-encoding": "identity"}
    ) as plain:
        for path in ("/", *paths(service)):
            answer = plain.get(path)
            assert "content-encoding" not in answer.headers
            assert answer.content == service.client.get(path).content


def test_an_unchanged_page_is_a_304(service):
    first = service.client.get("/")
    again = service.client.get("/", headers={"if-none-match": f'"other", {first.headers["etag"]}'})

    assert (again.status_code, again.content) == (304, b"")


def test_files_of_this_version_are_cached_and_of_others_not(service):
    for path in paths(service):
        _, version, name = path.split("/", 2)
        files = [service.client.get(f"/assets/{each}/{name}") for each in (version, "0123")]

        assert [file.headers["cache-control"] for file in files] == [
            "public, max-age=31536000, immutable",
            "no-store",
        ]
        assert files[0].content == files[1].content


def test_the_policy_allows_only_own_scripts_and_styles(service):
    answer = service.client.get("/")
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))

    assert (rules["default-src"], rules["script-src"], rules["style-src"]) == ("'none'", "'self'", "'self'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|\bstyle=|\bon\w+=|<script>", answer.text)


def test_an_unknown_file_is_a_json_404(service):
    assert service.client.get("/assets/0123/nothing.js").json()["code"] == "not_found"


def test_the_key_in_the_link_is_used_and_removed_from_the_address_bar(service, visit):
    seen = visit()

    assert seen.page.input_value("#key") == KEY
    assert seen.page.url == f"{service.url}/"
    assert not any(KEY in request.url.partition("#")[0] for request in seen.requests)
    assert seen.page.evaluate("localStorage.length") == 0  # stored only until the tab is closed

    seen.page.check("#remember")
    assert KEY in seen.page.evaluate("JSON.stringify(localStorage)")


@pytest.mark.parametrize(("scheme", "device"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing_at_the_start_after_a_result_or_after_an_error(visit, scheme, device):
    seen = visit(color_scheme=scheme, **device)
    assert_accessible(seen.page)

    seen.submit()
    seen.await_result()
    assert_accessible(seen.page)

    seen.page.click("[data-view=difference]")
    seen.fill(rotation=400)
    seen.page.click("#submit")
    assert seen.error("rotation")
    assert_accessible(seen.page)


def test_every_control_is_reachable_by_keyboard(visit):
    page = visit().page
    page.evaluate("addEventListener('focusin', ({ target }) => (window.reached ??= []).push(target.id))")
    for _ in range(71):
        page.keyboard.press("Tab")
    reached = set(page.evaluate("reached"))

    assert {"key", "mover", "rotator", "scaler", "f-base_image", "p-x_offset", "p-opacity"} <= reached
    assert {"p-blend_mode", "submit", "tab-curl", "copy"} <= reached


@pytest.mark.parametrize("height", [844, 667])
def test_on_a_phone_sticky_bars_leave_space_and_never_cover_the_focused_field(visit, height):
    seen = visit(**{**PHONE, "viewport": {"width": 390, "height": height}})
    seen.open_groups()
    fields, covered = seen.page.evaluate(COVERED)

    assert (fields > 20, covered) == (True, [])
    bars = seen.page.evaluate(
        "innerHeight - foot.getBoundingClientRect().top + work.getBoundingClientRect().bottom"
    )
    assert bars <= height / 2


def test_the_page_mentions_that_files_can_be_dropped(visit):
    assert "drop a file" in visit().page.inner_text("#parameters")


def test_the_pages_work_below_a_path_prefix(redis_socket, tmp_path, visit):
    env = environment(empty_database(redis_socket, 2), tmp_path, public_url="https://shop.example/pictures")
    with (
        running(env) as stack,
        in_front_of(int(stack.url.rpartition(":")[2]), nginx_under_a_path, tmp_path, "/pictures") as url,
    ):
        seen = visit(url)
        body = seen.submit()
        seen.await_result()
        seen.page.reload()
        seen.page.locator("#recent img").click()
        seen.await_result()
        seen.page.click("nav a")
        seen.page.locator('[data-path="/v2/superimpose"]').wait_for()

    assert body["base_image"] == "https://shop.example/pictures/samples/cup.jpg"
    assert seen.page.input_value(".servers select") == "https://shop.example/pictures"
    assert all(request.url.startswith((f"{url}/", "data:")) for request in seen.requests)
    assert seen.complaints == []
