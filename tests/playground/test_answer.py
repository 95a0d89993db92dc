"""Parameters of the output: `image_quality: keep` and animations."""

import io

from PIL import Image

from tests.playground.test_preview import file, smooth

KEEP = '[data-for="image_quality"][data-word]'


def moving() -> bytes:
    """A GIF of three frames."""
    frames = [Image.new("RGB", (120, 80), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=200, loop=0)
    return out.getvalue()


def result(seen, service) -> Image.Image:
    """The result shown."""
    seen.await_result()
    src = seen.page.get_attribute("#result", "src")
    return Image.open(io.BytesIO(service.client.get(f"/{src}").content))


def test_a_checkbox_selects_quality_keep_and_typing_a_number_clears_it(visit, service):
    seen = visit()
    seen.fill(image_quality=70)
    seen.page.check(KEEP)
    assert seen.submit()["image_quality"] == "keep"
    base = Image.open(io.BytesIO(service.client.get("/samples/cup.jpg").content))
    assert result(seen, service).quantization == base.quantization

    seen.page.reload()
    seen.page.click("#recent button")
    seen.page.wait_for_selector(f"{KEEP}:checked")
    seen.page.fill('[data-for="image_quality"][type=range]', "60")
    assert not seen.page.is_checked(KEEP)
    assert seen.submit()["image_quality"] == 60

    seen.fill(image_quality=0)
    assert "from 1 to 100" in seen.error("image_quality")
    seen.page.check(KEEP)
    assert seen.page.inner_text("#p-image_quality-error") == ""
    assert seen.submit()["image_quality"] == "keep"


def test_quality_keep_with_a_base_that_is_not_jpeg_is_an_error_at_the_field(visit, service):
    seen = visit()
    seen.page.check(KEEP)
    seen.page.select_option("#p-image_format", "webp")
    seen.page.click("#submit")
    assert 'is for image_format "jpeg"' in seen.error("image_quality")
    assert seen.error("image_format") == seen.error("image_quality")

    seen.page.select_option("#p-image_format", "jpeg")
    seen.choose("base_image", "base.png", file(smooth((90, 60), 4, True)))
    seen.await_text('[data-field="base_image"] .about', "base.png")
    seen.page.click("#submit")
    assert "needs a JPEG" in seen.error("image_quality")


def test_a_format_without_quality_disables_the_field(visit):
    seen = visit()
    for image_format in ("png", "gif", "apng"):
        seen.page.select_option("#p-image_format", "jpeg")
        seen.page.check(KEEP)
        seen.page.select_option("#p-image_format", image_format)

        assert seen.page.is_disabled("#p-image_quality")
        assert seen.page.is_disabled(KEEP)
        assert "image_quality" not in seen.submit()
        seen.page.wait_for_selector("#submit:enabled")


def test_keeping_an_animation_selects_an_animated_format(visit, service):
    seen = visit()
    seen.choose("base_image", "moving.gif", moving())
    seen.await_text('[data-field="base_image"] .about', "moving.gif")
    seen.page.select_option("#p-animation", "keep")
    assert seen.value("image_format") == "webp"
    seen.await_text("#notes", "Only one frame of an animated base is shown.")
    body = seen.submit()

    assert (body["animation"], body["image_format"]) == ("keep", "webp")
    picture = result(seen, service)
    assert (picture.format, picture.n_frames) == ("WEBP", 3)
    seen.page.wait_for_function("() => result.complete && result.naturalWidth === 120")


def test_an_animated_format_stays_selected(visit):
    seen = visit()
    for image_format in ("webp", "gif", "apng", "avif"):
        seen.page.select_option("#p-animation", "first_frame")
        seen.page.select_option("#p-image_format", image_format)
        seen.page.select_option("#p-animation", "keep")

        assert seen.value("image_format") == image_format


def test_an_animation_in_a_still_format_is_an_error_at_both_fields(visit):
    seen = visit()
    seen.page.select_option("#p-animation", "keep")
    seen.page.select_option("#p-image_format", "png")
    seen.page.click("#submit")

    assert 'needs image_format "webp"' in seen.error("animation")
    assert seen.error("image_format") == seen.error("animation")
    seen.page.select_option("#p-animation", "first_frame")
    assert seen.submit()["image_format"] == "png"
