"""From submit to result: progress, difference, code, recent requests, lost responses."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import playwright
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.missing import missing
from tests.origin import serving
from tests.playground.conftest import DESK, PHONE
from tests.playground.test_preview import file, smooth
from tests.stack import KEY

RUNNERS = {
    "curl": ["sh", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": [str(Path(playwright.__file__).parent / "driver" / "node"), "--input-type=module", "-e"],
}


def test_a_submit_ends_with_the_result_beside_the_preview(visit):
    seen = visit()
    seen.submit()
    seen.await_result()

    assert re.fullmatch(r"\d+ ms|\d+\.\d s", seen.page.inner_text('[data-step="COMPLETED"] span'))
    assert re.match(r"Done\. fetch .* compose .* store", seen.run_text())
    assert seen.page.evaluate("[result.naturalWidth, result.naturalHeight]") == [600, 400]
    with seen.page.expect_download() as download:
        seen.page.click("#download")
    with Image.open(download.value.path()) as picture:
        assert (picture.format, picture.size) == ("JPEG", (600, 400))

    seen.page.click("[data-view=difference]")
    mean = re.search(r"mean (\d+\.\d)", seen.page.inner_text("#difference-facts"))
    assert mean is not None
    assert float(mean[1]) < 2
    seen.fill(x_offset=1)
    assert seen.page.text_content("#result-name") == "Earlier result"
    assert seen.complaints == []


def test_on_a_phone_one_tap_after_using_a_field_submits_and_shows_the_result(visit):
    seen = visit(**PHONE)
    seen.page.tap("#p-resize_method")
    seen.fill(opacity=0.5)
    with seen.page.expect_request("**/v2/superimpose"):
        seen.page.tap("#submit")
    seen.await_result()

    box = seen.page.locator("#result").bounding_box()
    assert 0 <= box["y"] < box["y"] + box["height"] <= PHONE["viewport"]["height"]


def test_queued_and_processing_are_shown_while_they_last(visit):
    seen = visit()
    answers = iter(["QUEUED", "PROCESSING"])

    def slowly(route):
        if (status := next(answers, None)) is None:
            return route.continue_()
        data = json.dumps({"status": status, "queue_position": 3, "metrics": {}})
        body = f"retry: 2000\n\nid: {status}\ndata: {data}\n\n: waiting\n\n"
        return route.fulfill(content_type="text/event-stream", body=body)

    moved_up = {"status": "QUEUED", "queue_position": 2, "metrics": {}}
    seen.page.route("**/status/stream", slowly)
    seen.page.route("**/status", lambda route: route.fulfill(json=moved_up))
    seen.submit()

    seen.page.wait_for_selector('[data-step="QUEUED"].now')
    seen.await_text("#run-text", "2 before it in the queue.")
    seen.page.wait_for_selector('[data-step="PROCESSING"].now')
    seen.await_result()
    assert seen.page.locator("#steps .done").count() == 3


def test_small_and_large_local_files_are_sent_and_a_mask_is_applied(visit):
    seen = visit()
    large = file(smooth((900, 700), 3, True).effect_spread(20))
    assert len(large) > 256 * 1024
    seen.choose("base_image", "large.png", large)
    seen.choose("overlay_image", "small.png", file(smooth((40, 30), 4, True)))
    seen.page.click('[data-field="mask"] [data-sample]')
    seen.page.wait_for_selector('[data-field="mask"].filled')
    seen.await_text('[data-field="base_image"] .about', "large.png")
    seen.fill(rescale_factor=1)

    body = seen.submit()
    seen.await_result()

    assert body["base_image"].startswith("http")
    assert body["overlay_image"].startswith("data:image/png;base64,")
    assert body["mask"].startswith("data:image/png;base64,")
    assert seen.page.evaluate("[result.naturalWidth, result.naturalHeight]") == [900, 700]


def test_a_file_dropped_on_the_preview_becomes_the_overlay(visit):
    seen = visit()
    data = list(file(smooth((50, 20), 5, True)))
    seen.page.evaluate(
        """(data) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([new Uint8Array(data)], "dropped.png", { type: "image/png" }));
          stage.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        data,
    )

    seen.await_text('[data-field="overlay_image"] .about', "dropped.png")
    seen.await_text("#preview-facts", "overlay 16")  # 50 pixels, rescaled


def test_each_submit_has_an_idempotency_key_and_is_repeated_with_it_if_the_response_is_lost(visit, own_key):
    seen = visit(key=own_key)
    answers = iter(["lost"])

    def lose_one(route):
        if next(answers, None) is None:
            return route.continue_()
        route.fetch()  # the service accepts the request
        return route.abort()

    seen.page.route("**/v2/superimpose", lose_one)
    seen.submit()
    seen.await_result()
    seen.submit()
    seen.page.locator("#recent img").nth(1).wait_for()

    first, again, second = [request.headers["idempotency-key"] for request in seen.submitted()]
    assert first == again != second
    assert UUID(first).version == UUID(second).version == 4


def test_recent_requests_survive_a_reload_and_count_down(visit, own_key):
    seen = visit(key=own_key, **DESK)  # its own window, as a fake clock applies to all pages of one
    seen.fill(x_offset=77)
    seen.submit()
    seen.await_result()
    seen.page.reload()
    seen.page.wait_for_selector("#frame:not([hidden])")

    entry = seen.page.locator("#recent li")
    assert re.fullmatch(r"(60:00|59:\d\d) left", entry.locator("small").inner_text())
    entry.locator("button").click()
    seen.await_result()
    assert seen.value("x_offset") == "77"

    seen.page.fill("#key", "another")
    assert entry.count() == 0
    seen.page.fill("#key", own_key)
    assert entry.count() == 1
    seen.page.clock.install()
    seen.page.clock.fast_forward("01:00:01")
    seen.page.reload()
    seen.page.wait_for_selector("#frame:not([hidden])")
    assert entry.count() == 0


def test_unchanged_recent_requests_keep_the_focus(visit, own_key):
    seen = visit(key=own_key)
    seen.submit()
    seen.await_result()
    with seen.page.expect_response("**/v2/requests?*"), seen.page.expect_response("**/v2/batches?*"):
        seen.page.reload()
        seen.page.focus("#recent button")
    seen.drawn()

    expect(seen.page.locator("#recent button")).to_be_focused()


def test_requests_submitted_elsewhere_are_listed_and_open_their_pictures(visit, service, own_key):
    headers, query = {"x-api-key": own_key}, {"wait": 30}
    made = []
    for mask in ({}, {"mask": "bm90IGEgcGljdHVyZQ=="}):
        answer = service.client.post("/v2/superimpose", json=samples(service) | mask, headers=headers).json()
        ended = service.client.get(f"/v2/requests/{answer['request_id']}", params=query, headers=headers)
        made.append(ended.json())
    seen = visit(key=own_key)

    seen.page.locator("#recent img").wait_for()
    assert seen.page.inner_text("#recent .mark") == "FAILED"
    with seen.page.expect_popup() as opened:
        seen.page.click("#recent a")
    assert opened.value.url == made[0]["output"]

    service.client.delete(f"/v2/requests/{made[0]['request_id']}", headers=headers)
    seen.page.reload()
    seen.page.locator("#recent .mark").wait_for()
    assert seen.page.locator("#recent li").count() == 1


def samples(service) -> dict[str, str]:
    files = {"base_image": "cup.jpg", "overlay_image": "logo.png"}
    return {name: f"{service.url}/samples/{file}" for name, file in files.items()}


def test_the_code_runs_as_copied(visit, tmp_path):
    name = "it's $mine.png"
    (tmp_path / name).write_bytes(file(smooth((40, 30), 6, True)))
    seen = visit()
    seen.choose("overlay_image", name, (tmp_path / name).read_bytes())
    seen.fill(opacity=0.5)
    seen.await_text("#code", "mine.png")

    for _, code, output in run_as_copied(seen, tmp_path):
        assert '"status":"QUEUED"' in output.replace(" ", "") or "/pictures/" in output
        assert KEY not in code


def run_as_copied(seen, folder):
    """Run the shown code in each language; yield the language, the code and its output."""
    needs_curl()
    for language, runner in RUNNERS.items():
        seen.page.click(f"[data-language={language}]")
        code = seen.page.inner_text("#code")
        done = pasted(runner, code, folder)
        assert done.returncode == 0, done.stderr
        yield language, code, done.stdout


def needs_curl():
    if not shutil.which("curl"):
        missing("no curl on PATH (apt install curl)")


def pasted(shell, code, folder):
    """Paste code into a shell, and return the finished process."""
    env = {**os.environ, "KEY": KEY}
    return subprocess.run([*shell, code], env=env, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("overlay", [None, "it's $mine.png"], ids=["the sample", "a file"])
def test_the_bash_script_saves_the_picture(visit, tmp_path, overlay):
    needs_curl()
    seen = visit()
    if overlay:
        (tmp_path / overlay).write_bytes(file(smooth((40, 30), 6, True)))
        seen.choose("overlay_image", overlay, (tmp_path / overlay).read_bytes())
        seen.await_text("#script", "mine.png")
    seen.open_groups()
    seen.page.select_option("#p-image_format", "webp")
    seen.page.check("#p-base64")
    seen.drawn()

    done = pasted(["bash", "-c"], seen.page.inner_text("#script"), tmp_path)

    assert (done.returncode, done.stdout) == (0, "saved superimposed.webp\n"), done.stderr
    with Image.open(tmp_path / "superimposed.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (600, 400))


@pytest.mark.parametrize(
    ("url", "status", "message"),
    [("https://me:pw@shop.example/", 400, "user name"), ("{service}/livez", 422, "FAILED")],
    ids=["refused", "failed"],
)
def test_the_bash_script_prints_the_error_of_a_failure(visit, service, tmp_path, url, status, message):
    needs_curl()
    seen = visit()
    script = seen.page.inner_text("#script").replace(
        f"{service.url}/samples/logo.png", url.format(service=service.url)
    )

    done = pasted(["bash", "-c"], f"{script}\necho the terminal lives", tmp_path)
    assert done.stdout == "the terminal lives\n"
    assert f"error: {status}" in done.stderr
    assert message in done.stderr
    assert pasted(["bash", "-c"], script, tmp_path).returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_the_curl_command_is_imported_by_other_tools_with_its_types(visit, service):
    seen = visit()
    ask_for(seen, "overlay_image", f"{service.url}/samples/logo.png?it's")
    seen.await_text('[data-field="overlay_image"] .about', "logo.png")
    seen.fill(x_offset=100, opacity=0.5, background="#abc")
    seen.page.select_option("#p-overlay_resize", "Resize to width & heigth")
    seen.await_text("#code", "heigth")
    words = shlex.split(seen.page.inner_text("#code"))
    body = json.loads(words[-1])

    assert words[:4] == ["curl", "-X", "POST", f"{service.url}/v2/superimpose"]
    assert words[4:-1] == ["-H", "x-api-key: $KEY", "-H", "content-type: application/json", "-d"]
    assert (type(body["x_offset"]), type(body["opacity"])) == (int, float)
    assert "'" not in words[-1], "some importers end there"
    is_form = all(isinstance(value, str | int | float | bool) for value in body.values())
    assert not is_form, "n8n puts all values of a flat object in quotes"
    assert {name: value for name, value in body.items() if value is not None} == seen.submit()


def test_parameters_stay_when_a_base_of_unknown_size_is_chosen_and_replaced(visit):
    seen = visit()
    typed = {"x_offset": 400, "y_offset": 200, "rescale_factor": 0.3}
    seen.fill(**typed)

    ask_for(seen, "base_image", "https://shop.example/foreign.jpg")
    seen.await_text('[data-field="base_image"] .about', "fetched by the service")
    assert {name: float(seen.value(name)) for name in typed} == typed

    seen.page.click('[data-field="base_image"] [data-sample]')
    seen.await_text('[data-field="base_image"] .about', "600")
    assert {name: float(seen.value(name)) for name in typed} == typed


def test_the_result_corrects_the_guessed_size_of_an_external_base(visit):
    seen = visit()
    with serving() as shop:
        ask_for(seen, "base_image", f"{shop.url}/cup.jpg")
        seen.await_text('[data-field="base_image"] .about', "fetched by the service")
        seen.await_text("#preview-facts", "1024 \u00d7 768")
        seen.submit()
        seen.await_text("#preview-facts", "600 \u00d7 400")
    assert "600 \u00d7 400" in seen.page.inner_text('[data-field="base_image"] .about')
    assert seen.value("x_offset") == "430"

    seen.choose("base_image", "half.png", file(smooth((300, 200), 8, True)))
    seen.await_text("#preview-facts", "300 \u00d7 200")
    assert seen.value("x_offset") == "215"


@pytest.mark.parametrize(
    ("scheme", "host"), [("HTTP", "127.0.0.1"), ("http", "localhost"), ("http", "[::1]")]
)
def test_a_picture_of_this_service_is_recognized_by_all_loopback_names(visit, service, scheme, host):
    seen = visit()

    ask_for(seen, "base_image", f"{scheme}://{host}:{service.url.rpartition(':')[2]}/samples/cup.jpg")

    seen.await_text('[data-field="base_image"] .about', "600")


def test_changing_a_picture_closes_the_difference_view(visit):
    seen = visit()
    seen.submit()
    seen.await_result()
    seen.page.click("[data-view=difference]")
    seen.choose("base_image", "other.png", file(smooth((200, 100), 7, True)))
    seen.await_text('[data-field="base_image"] .about', "other.png")

    assert seen.page.is_visible("#preview-pane")
    assert not seen.page.is_visible("#difference-pane")
    assert seen.page.is_disabled("[data-view=difference]")
    seen.page.click("[data-view=beside]")
    assert seen.page.inner_text("#result-name") == "Earlier result"


def test_the_result_of_former_parameters_is_called_an_earlier_result(visit):
    seen = visit()
    held = delayed(seen, "**/status/stream")
    seen.submit()
    seen.page.wait_for_selector('[data-step="QUEUED"].now')
    seen.fill(x_offset=5)
    first(seen, held).continue_()
    seen.await_result()

    assert seen.page.inner_text("#result-name") == "Earlier result"


def delayed(seen, pattern):
    """Hold matching requests until they are released."""
    held = []
    seen.page.route(pattern, lambda route: held.append(route))
    return held


def first(seen, held):
    """The first held request, once it has arrived."""
    while not held:
        seen.page.wait_for_timeout(20)
    return held[0]


def ask_for(seen, name, url):
    """Type the URL of a picture without waiting for it."""
    slot = f'[data-field="{name}"]'
    if not seen.page.is_visible(f"{slot} .url"):
        seen.page.click(f"{slot} [data-url]")
    seen.page.fill(f"{slot} .url", url)
    seen.page.press(f"{slot} .url", "Tab")


def test_submit_waits_for_a_loading_picture(visit, service):
    seen = visit()
    held = delayed(seen, "**/samples/cup.jpg?slow")
    with seen.page.expect_request("**/samples/cup.jpg?slow"):
        ask_for(seen, "base_image", f"{service.url}/samples/cup.jpg?slow")
    seen.page.click("#submit")
    seen.page.wait_for_function("() => submit.disabled")
    assert "loading" in seen.page.inner_text('[data-field="base_image"] .about')
    assert seen.submitted() == []

    with seen.page.expect_request("**/v2/superimpose") as sent:
        first(seen, held).continue_()

    assert sent.value.post_data_json["base_image"] == f"{service.url}/samples/cup.jpg?slow"


def test_submit_is_refused_if_the_loading_picture_fails(visit, service):
    seen = visit()
    held = delayed(seen, "**/samples/cup.jpg?slow")
    with seen.page.expect_request("**/samples/cup.jpg?slow"):
        ask_for(seen, "base_image", f"{service.url}/samples/cup.jpg?slow")
    seen.page.click("#submit")
    first(seen, held).fulfill(status=404)

    assert "does not exist" in seen.error("base_image")
    seen.page.wait_for_function("() => !submit.disabled")
    assert seen.submitted() == []


def test_a_slow_picture_does_not_replace_one_chosen_later(visit, service):
    seen = visit()
    held = delayed(seen, "**/samples/cup.jpg?slow")
    with seen.page.expect_request("**/samples/cup.jpg?slow"):
        ask_for(seen, "base_image", f"{service.url}/samples/cup.jpg?slow")
    seen.page.click("#submit")
    seen.page.wait_for_function("() => submit.disabled")

    with seen.page.expect_request("**/v2/superimpose") as sent:
        ask_for(seen, "base_image", f"{service.url}/samples/cup.jpg?quick")
    with seen.page.expect_response("**/samples/cup.jpg?slow"):
        first(seen, held).continue_()

    assert sent.value.post_data_json["base_image"] == f"{service.url}/samples/cup.jpg?quick"
    assert seen.page.input_value('[data-field="base_image"] .url').endswith("?quick")


RETRIED = """async () => {
  const { retry } = await import("/assets/0/requests/wait.js");
  const listeners = new Set();
  const signal = {
    addEventListener: (_, listener) => listeners.add(listener),
    removeEventListener: (_, listener) => listeners.delete(listener),
    throwIfAborted() {},
  };
  let failures = 3;
  const call = async () => {
    if (failures-- > 0) throw Object.assign(new Error(), { retryAfterS: 0.01 });
  };
  await retry(call, { isRetryable: () => true, limit: Infinity }, () => {}, signal);
  return [failures, listeners.size];
}"""


def test_retries_leave_no_listeners_behind(visit):
    assert visit().page.evaluate(RETRIED) == [-1, 0]
