"""A real browser that visits the playground, and reaches nothing but the service."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)
from redis import Redis

from jobs.keys.api_keys import ApiKeys
from tests.browser import FLAGS
from tests.stack import KEY, Stack, empty_database, environment, forget, running

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
READY = "#frame:not([hidden])"
DESK: Any = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BATCH_ENDED = "#batch-zip:not([hidden])"
STORED = "cookies,local_storage,indexeddb,cache_storage,service_workers"


@dataclass
class Visit:
    """A page, with the console messages and requests since it was opened."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def record_message(self, message: ConsoleMessage) -> None:
        """Record a console message, unless about a picture deleted after the requests were listed."""
        if "/pictures/" not in message.location["url"]:
            self.complaints.append(message.text)

    def drawn(self) -> None:
        """Wait until the page has drawn all changes."""
        self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def expect_text(self, selector: str, text: str | list[str]) -> None:
        """Wait until an element, or each of several, has exactly this text."""
        expect(self.page.locator(selector)).to_have_text(text, use_inner_text=True)

    def value(self, name: str) -> str:
        return self.page.input_value(f"#p-{name}")

    def fill(self, **params: object) -> None:
        for name, value in params.items():
            self.page.fill(f"#p-{name}", str(value))

    def open_groups(self) -> None:
        self.page.eval_on_selector_all("details", "all => all.forEach((each) => (each.open = true))")

    def error(self, name: str) -> str:
        """Wait for an error at a field, and return it."""
        return self.page.inner_text(f'[data-field="{name}"] .error:not(:empty)')

    def drag(self, part: str, right: float, down: float) -> None:
        """Drag a part of the frame by pixels of the screen, in several steps."""
        self.drawn()
        box = self.page.locator(part).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right, y + down, steps=4)
        self.page.mouse.up()

    def scale(self) -> float:
        return float(self.page.evaluate("preview.getBoundingClientRect().width / preview.width"))

    def choose(self, name: str, file_name: str, data: bytes) -> None:
        file = {"name": file_name, "mimeType": "image/png", "buffer": data}
        self.page.set_input_files(f"#f-{name}", file)  # type: ignore[arg-type]

    def use(self, model: str) -> None:
        """Choose the model, and wait until its overlay is shown."""
        self.page.select_option("#model", model)
        self.drawn()
        self.page.wait_for_selector(READY)

    def submit(self, model: str = "superimpose") -> dict[str, Any]:
        """Press Submit, and return the submitted body."""
        with self.page.expect_request(f"**/v2/{model}") as sent:
            self.page.click("#submit")
        body: dict[str, Any] = sent.value.post_data_json
        return body

    def submitted(self) -> list[Request]:
        """All submits sent so far."""
        return [request for request in self.requests if request.url.endswith("/v2/superimpose")]

    def await_result(self) -> None:
        """Wait until the result is shown beside the preview."""
        self.page.wait_for_selector("#result-pane:not([hidden])")

    def await_text(self, selector: str, text: str) -> None:
        self.page.locator(selector, has_text=text).wait_for(state="attached")

    def run_text(self) -> str:
        return self.page.inner_text("#run-text")


def folder_of(place: Path, names: Iterable[str], size: tuple[int, int] = (60, 40)) -> Path:
    """A folder "cups" with small pictures of different greys."""
    folder = place / "cups"
    for at, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (at * 9 % 256,) * 3).save(path, "JPEG")
    return folder


def drop(seen: Visit, paths: Sequence[Path], on: str = '[data-field="base_image"]') -> None:
    """Drag files or folders from the desktop onto a part of the page."""
    box = seen.page.locator(on).bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    browser = seen.page.context.new_cdp_session(seen.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def take(seen: Visit, paths: Sequence[Path]) -> None:
    """Drop files, and wait until the first is the base."""
    drop(seen, paths)
    seen.page.wait_for_selector('#bases [aria-pressed="true"]')


def names(seen: Visit) -> list[str]:
    return seen.page.locator("#bases b").all_inner_texts()


def send(seen: Visit) -> None:
    """Press Submit, and wait until the batch has ended and its results are shown."""
    seen.page.click("#submit")
    await_end(seen)


def await_end(seen: Visit) -> None:
    seen.page.wait_for_selector(BATCH_ENDED)
    seen.page.wait_for_selector("#submit:enabled")


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser: its event loop must not outlive this folder's tests."""
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--process-per-site"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def window(browser: Browser, service: Any) -> Iterator[BrowserContext]:
    """A desktop window; its first page keeps alive the renderer process of later pages."""
    with browser.new_context(**DESK) as window:
        window.set_default_timeout(PATIENCE_MS)
        window.new_page().goto(f"{service.url}/livez")
        yield window


@pytest.fixture
def own_key(service: Any) -> Iterator[str]:
    """An API key that no other test uses."""
    with Redis.from_url(service.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        yield ApiKeys(redis).create("own")[1]


@pytest.fixture(scope="package")
def idle_service(redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service without workers and with a short queue."""
    place = tmp_path_factory.mktemp("idle")
    limits = {"max_waiting_per_key": 4, "max_batch_bytes": 50_000}
    with running(environment(empty_database(redis_socket, 3), place, **limits), workers=0) as stack:
        yield stack


@pytest.fixture
def idle(idle_service: Stack) -> Stack:
    """The idle service with an empty queue."""
    forget(idle_service)
    return idle_service


@pytest.fixture
def visit(browser: Browser, window: BrowserContext, service: Any) -> Iterator[Callable[..., Visit]]:
    """Opens the playground in a new page of the window or, with `options`, in a new window."""
    contexts, urls = [], {service.url}

    def visit(
        url: str = service.url, key: str = KEY, path: str = "/", ready: str = READY, **options: Any
    ) -> Visit:
        context = window
        if options:
            context = browser.new_context(**{**DESK, **options})
            context.set_default_timeout(PATIENCE_MS)
            contexts.append(context)
        visit = Visit(context.new_page())
        urls.add(url)
        visit.page.on("console", visit.record_message)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("request", lambda request: visit.requests.append(request))
        visit.page.goto(f"{url}{path}#key={key}" if key else url + path)
        visit.page.wait_for_selector(ready)
        return visit

    yield visit
    for context in contexts:
        context.close()
    first_page, *pages = window.pages
    for page in pages:
        page.close()
    session = window.new_cdp_session(first_page)
    for url in urls:
        session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": STORED})
    session.detach()
