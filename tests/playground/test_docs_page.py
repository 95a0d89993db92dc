"""The documentation in a browser: examples, the reference, and colour schemes."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.playground.conftest import DESK, PHONE
from tests.playground.test_page import LINKED, assert_accessible
from tests.playground.test_submitting import needs_curl, pasted
from tests.stack import KEY

EXAMPLES = ["Logo", "Watermark", "Blend"]


@pytest.fixture
def docs(visit):
    """Opens the documentation and waits for its examples."""

    def docs(**options):
        return visit(key="", path="/docs", ready="#examples [aria-pressed=true]", **options)

    return docs


def levels(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def test_each_example_shows_the_picture_that_its_script_produces(docs, tmp_path):
    needs_curl()
    seen = docs()
    assert seen.page.locator("#examples button").all_inner_texts() == EXAMPLES
    seen.page.click("#to-the-end summary")
    for example in EXAMPLES:
        seen.page.click(f"#examples button:has-text('{example}')")
        seen.page.wait_for_selector(f"#examples [aria-pressed=true]:has-text('{example}')")
        folder = tmp_path / example
        folder.mkdir()

        done = pasted(["bash", "-c"], seen.page.inner_text("#script"), folder)

        assert done.returncode == 0, done.stderr
        drawn = base64.b64decode(seen.page.evaluate("picture.toDataURL().split(',')[1]"))
        with Image.open(io.BytesIO(drawn)) as shown, Image.open(next(folder.iterdir())) as made:
            assert np.abs(levels(shown) - levels(made)).mean() < 2


def test_a_call_can_be_tried_with_an_example(docs, service):
    page = docs().page
    page.click("button.authorize")
    page.fill("#api_key_value", KEY)
    page.locator(".auth-btn-wrapper button.authorize").first.click()
    page.locator("button.btn-done").first.click()
    page.click('[data-path="/v2/superimpose"]')
    page.click(".try-out__btn")

    with page.expect_response("**/v2/superimpose") as answer:
        page.click("button.execute")

    assert answer.value.request.post_data_json["base_image"] == f"{service.url}/samples/cup.jpg"
    assert answer.value.json()["status"] == "QUEUED"


@pytest.mark.parametrize(("scheme", "device"), [("light", DESK), ("dark", PHONE)])
def test_it_fits_the_screen_in_both_colour_schemes_under_its_policy(docs, scheme, device):
    seen = docs(color_scheme=scheme, **device)
    colour = "getComputedStyle(document.querySelector('.opblock-tag')).color.match(/\\d+/)[0] > 127"

    seen.page.wait_for_selector(".opblock-tag")
    assert_accessible(seen.page, ".guide")
    assert seen.page.evaluate(colour) == (scheme == "dark")
    assert seen.complaints == []


def test_its_files_are_requested_in_one_round(docs, service):
    seen = docs(**DESK)
    own = [request.url for request in seen.requests if request.resource_type in ("script", "stylesheet")]
    urls = seen.page.eval_on_selector_all(
        f"{LINKED}, script:not([type])", "all => all.map((each) => each.href ?? each.src)"
    )

    assert sorted(own) == sorted(urls)
    assert all(request.url.startswith((f"{service.url}/", "data:")) for request in seen.requests)
