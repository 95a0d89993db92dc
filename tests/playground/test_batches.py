"""Many bases: dropped, sent as one batch, followed, shown and downloaded."""

import json
from contextlib import contextmanager
from zipfile import ZipFile

import pytest
from PIL import Image

from tests.playground.conftest import DESK, PHONE, await_end, drop, folder_of, names, send, take
from tests.playground.test_page import assert_accessible
from tests.playground.test_preview import file, smooth
from tests.playground.test_submitting import run_as_copied
from tests.stack import KEY

FRUIT = ["plum.jpg", "apple.jpg", "new/fig 2.jpg", "new/fig 10.jpg"]
PROGRESS = "document.getElementById('batch-progress')"
SORTED = ["apple.jpg", "fig 2.jpg", "fig 10.jpg", "plum.jpg"]


def newest(service, key) -> dict:
    """The last batch of the key."""
    found = service.client.get("/v2/batches", params={"limit": 1}, headers={"x-api-key": key}).json()
    return dict(found["batches"][0])


def requests_of(service, key, batch) -> list[dict]:
    answer = service.client.get(f"/v2/batches/{batch['batch_id']}/requests", headers={"x-api-key": key})
    return list(answer.json()["requests"])


def test_a_dropped_folder_is_sent_as_one_batch_and_downloaded_as_a_zip(visit, service, own_key, tmp_path):
    seen = visit(key=own_key)
    take(seen, [folder_of(tmp_path, FRUIT)])
    assert names(seen) == SORTED
    assert seen.page.inner_text("#batch-title") == "4 bases"
    assert "apple.jpg" in seen.page.inner_text('[data-field="base_image"] .about')

    send(seen)
    assert seen.page.inner_text("#batch-text").startswith("4 of 4 · ")
    paths = [f"cups/{name}" for name in ("apple.jpg", "new/fig 2.jpg", "new/fig 10.jpg", "plum.jpg")]
    sent = requests_of(service, own_key, newest(service, own_key))
    assert [each["custom_id"] for each in sent] == paths
    shown = seen.page.eval_on_selector_all("#bases img", "all => all.map((each) => each.src)")
    assert [url.rpartition("/")[2] for url in shown] == [each["images"][0]["file_name"] for each in sent]
    with seen.page.expect_download() as download:
        seen.page.click("#batch-zip")
    with ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 4
        with Image.open(archive.open(archive.namelist()[0])) as picture:
            assert picture.size == (60, 40)
    assert seen.complaints == []


def test_files_that_are_not_pictures_are_skipped_and_named(visit, tmp_path):
    folder = folder_of(tmp_path, ["apple.jpg"])
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "fig.jpg").write_text("an apple's friend")
    with (folder / "huge.png").open("wb") as huge:
        huge.write(b"\x89PNG")
        huge.truncate(25 * 1024 * 1024)
    seen = visit()
    take(seen, [folder])

    assert names(seen) == ["apple.jpg"]
    skipped = seen.page.inner_text("#batch-left-out")
    assert "cups/.DS_Store, cups/fig.jpg (not JPEG, PNG, WebP, GIF or AVIF)" in skipped
    assert "cups/huge.png (over 25.1 MB)" in skipped


def test_a_folder_without_pictures_is_an_error_at_the_base(visit, tmp_path):
    (tmp_path / "cups").mkdir()
    seen = visit()
    drop(seen, [tmp_path / "cups"])
    seen.await_text("#p-base_image-error", "The folder has no files")
    assert seen.page.is_hidden("#batch")

    (tmp_path / "cups" / "notes.txt").write_text("no picture")
    drop(seen, [tmp_path / "cups"])
    seen.await_text("#p-base_image-error", "Skipped: cups/notes.txt")
    assert seen.page.is_hidden("#batch")


def test_more_than_5000_files_are_refused_at_once(visit):
    seen = visit()
    seen.page.evaluate(  # a DataTransfer takes ten seconds to hold as many
        """() => {
          const value = Array.from({ length: 5001 }, (_, n) => new File(["GIF89a"], `${n}.gif`));
          const input = Object.defineProperty(document.getElementById("f-base_image"), "files", { value });
          input.dispatchEvent(new Event("change"));
        }"""
    )

    assert seen.error("base_image") == "5,001 pictures are too many: the limit of a batch is 5,000 pictures"


def test_a_failed_picture_is_named_with_its_error_and_others_complete(visit, tmp_path):
    folder = folder_of(tmp_path, ["apple.jpg", "fig.jpg", "plum.jpg"])
    (folder / "apple.jpg").write_bytes(b"\xff\xd8\xff, and no picture")
    seen = visit()
    take(seen, [folder])
    assert "fig.jpg" in seen.page.inner_text('[data-field="base_image"] .about')
    send(seen)

    assert seen.page.inner_text("#batch-text").startswith("3 of 3 · 1 failed")
    assert seen.page.inner_text("#batch-failed").startswith("cups/apple.jpg: base_image: ")
    assert seen.page.locator("#bases .at-fault b").all_inner_texts() == ["apple.jpg"]


def test_several_files_or_a_chosen_folder_become_bases(visit, tmp_path):
    folder = folder_of(tmp_path, FRUIT)
    seen = visit()
    drop(seen, [folder / "plum.jpg", folder / "apple.jpg"], on="#stage")
    seen.page.wait_for_selector('#bases [aria-pressed="true"]')
    assert names(seen) == ["apple.jpg", "plum.jpg"]

    seen.page.set_input_files("#f-folder", folder)
    seen.await_text("#batch-title", "4 bases")
    seen.page.set_input_files("#f-base_image", [folder / "plum.jpg", folder / "new" / "fig 2.jpg"])
    seen.await_text("#batch-title", "2 bases")


def test_another_base_is_shown_with_the_same_parameters(visit, tmp_path):
    folder = folder_of(tmp_path, ["apple.jpg", "fig.jpg"])
    Image.new("RGB", (200, 100), "#284").save(folder / "fig.jpg")
    seen = visit()
    take(seen, [folder])
    seen.fill(x_offset=7, rescale_factor=0.05)
    seen.page.click("#bases li:nth-child(2) button")
    seen.await_text("#preview-facts", "200 \u00d7 100")

    assert (seen.value("x_offset"), seen.value("rescale_factor")) == ("7", "0.05")
    assert seen.page.get_attribute("#bases li:nth-child(2) button", "aria-pressed") == "true"


def test_a_tile_opens_its_result_beside_the_preview_of_its_base(visit, tmp_path):
    folder = folder_of(tmp_path, ["apple.jpg", "fig.jpg"])
    Image.new("RGB", (200, 100), "#284").save(folder / "fig.jpg")
    seen = visit()
    take(seen, [folder])
    send(seen)
    seen.page.click("#bases li:nth-child(2) button")
    seen.await_result()

    assert seen.page.evaluate("[result.naturalWidth, result.naturalHeight]") == [200, 100]
    assert seen.page.inner_text("#result-name") == "Result"
    assert seen.page.is_enabled("[data-view=difference]")
    seen.fill(opacity=0.5)
    seen.page.click("#bases li:nth-child(1) button")
    seen.await_text("#result-facts", "60 \u00d7 40")
    assert seen.page.inner_text("#result-name") == "Earlier result"


def test_a_single_base_discards_an_unsent_batch(visit, tmp_path):
    seen = visit()
    take(seen, [folder_of(tmp_path, FRUIT)])
    seen.choose("base_image", "one.png", file(smooth((50, 30), 3, True)))
    seen.await_text('[data-field="base_image"] .about', "one.png")

    assert seen.page.is_hidden("#batch")
    assert seen.submit()["base_image"].startswith("data:image/png")


def test_a_batch_is_listed_after_a_reload_beside_single_requests(visit, own_key, tmp_path):
    seen = visit(key=own_key)
    seen.submit()
    seen.await_result()
    take(seen, [folder_of(tmp_path, [f"{n}.jpg" for n in range(120)])])
    send(seen)
    assert seen.page.locator("#bases li").count() == 120
    assert seen.page.locator("#bases small", has_text="60 \u00d7 40").count() == 120

    seen.page.reload()
    entry = seen.page.locator("#recent button", has_text="Batch: 120 of 120")
    entry.wait_for()
    assert seen.page.locator("#recent li").count() == 2  # the single request too, none of the 120
    entry.click()
    await_end(seen)
    assert names(seen)[:3] == ["0.jpg", "1.jpg", "2.jpg"]
    seen.page.click("#bases li:nth-child(120) button")
    seen.await_result()
    assert seen.page.inner_text("#result-name") == "Earlier result"


def test_each_tile_shows_its_state_while_others_wait(visit, idle, tmp_path):
    seen = visit(idle.url)
    take(seen, [folder_of(tmp_path, ["apple.jpg", "fig.jpg", "plum.jpg"])])
    seen.page.click("#submit")
    seen.await_text("#batch-text", "0 of 3")
    states = seen.page.locator("#bases small")
    assert seen.page.inner_text("#submit") == "Working…"
    ids = [each["request_id"] for each in requests_of(idle, KEY, newest(idle, KEY))]

    idle.client.post(f"/v2/requests/{ids[1]}/cancel")
    seen.await_text("#batch-text", "1 of 3 · 1 failed")
    seen.await_text("#batch-failed", "cups/fig.jpg: ")
    assert states.all_inner_texts() == ["waiting", "FAILED", "waiting"]
    assert seen.page.evaluate("[progress.value, progress.max]".replace("progress", PROGRESS)) == [1, 3]

    with running_worker(idle):
        await_end(seen)
    assert states.all_inner_texts() == ["60 \u00d7 40", "FAILED", "60 \u00d7 40"]


@contextmanager
def running_worker(stack):
    worker = stack.start("worker")
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


@pytest.mark.parametrize("loose", [False, True], ids=["a folder", "files"])
def test_the_code_of_a_batch_runs_as_copied(visit, service, own_key, tmp_path, loose):
    folder = folder_of(tmp_path, ['it\'s "1".jpg', "b $2.jpg"])
    (tmp_path / "mine.png").write_bytes(file(smooth((20, 10), 6, True)))
    seen = visit(key=own_key)
    take(seen, sorted(folder.iterdir()) if loose else [folder])
    seen.choose("overlay_image", "mine.png", (tmp_path / "mine.png").read_bytes())
    seen.fill(opacity=0.5)
    seen.await_text("#code", "mine.png")
    if loose:
        (folder / "mine.png").write_bytes((tmp_path / "mine.png").read_bytes())

    for language, _, output in run_as_copied(seen, folder if loose else tmp_path):
        zip_url = json.loads(output)["zip_url"] if language == "curl" else output.strip()
        batch = newest(service, KEY)
        assert zip_url == batch["zip_url"]
        sent = {each["custom_id"] for each in requests_of(service, KEY, batch)}
        assert sent == {("" if loose else "cups/") + name for name in ('it\'s "1".jpg', "b $2.jpg")}
        assert not seen.page.is_visible("#script")


def test_tab_focuses_one_tile_and_arrow_keys_the_others(visit, tmp_path):
    seen = visit()
    take(seen, [folder_of(tmp_path, [f"{n}.jpg" for n in range(20)])])
    focused = "document.activeElement.querySelector('b')?.textContent"
    assert seen.page.locator('#bases [tabindex="0"]').count() == 1
    seen.page.focus('#bases [tabindex="0"]')
    columns = seen.page.evaluate(
        "new Set([...document.querySelectorAll('#bases li')].map((each) => each.offsetLeft)).size"
    )
    for key, at in (("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowLeft", columns)):
        seen.page.keyboard.press(key)
        assert seen.page.evaluate(focused) == f"{at}.jpg"
    seen.page.keyboard.press("Enter")
    seen.await_text('[data-field="base_image"] .about', f"{columns}.jpg")


@pytest.mark.parametrize(("scheme", "device"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing_in_a_batch(visit, tmp_path, scheme, device):
    seen = visit(color_scheme=scheme, **device)
    folder = folder_of(tmp_path, FRUIT)
    (folder / "plum.jpg").write_bytes(b"\xff\xd8\xff no picture")
    seen.page.set_input_files("#f-folder", folder)
    seen.page.wait_for_selector('#bases [aria-pressed="true"]')
    assert_accessible(seen.page)

    send(seen)
    assert_accessible(seen.page)


def test_the_code_for_batches_is_loaded_only_when_needed(visit):
    paths = [each.url for each in visit().requests if "/assets/" in each.url]

    assert any(path.endswith("/playground.js") for path in paths)
    assert not [path for path in paths if "/batches/" in path]


def test_tiles_of_a_large_folder_are_created_while_scrolling(visit, tmp_path):
    seen = visit()
    take(seen, [folder_of(tmp_path, [f"{n}.jpg" for n in range(450)], (6, 4))])
    tiles = seen.page.locator("#bases li")
    assert tiles.count() == 200

    seen.page.focus('#bases [tabindex="0"]')
    for _ in range(41):
        seen.page.keyboard.press("Shift+ArrowRight")
    assert seen.page.evaluate("document.activeElement.title") == "cups/410.jpg"
    tiles.last.scroll_into_view_if_needed()
    tiles.nth(449).wait_for()
