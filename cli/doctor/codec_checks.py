"""Codecs: is each format written by the compositor, and read again."""

import io
from collections.abc import Callable
from functools import partial

from PIL import Image

from cli.doctor.finding import Finding, Findings, fail, ok
from cli.formats import SUFFIX
from compositor import Limits, SuperimposeParams, superimpose
from jobs.config.settings import Settings
from worker.content_check import load_check
from worker.plugin import UnusablePlugin
from worker.remover import load_remover

COLOUR = (200, 30, 60)
CLOSE = 12  # of 255: what lossy formats may change
SIDE = 64


def check_codecs(settings: Settings) -> Findings:
    """Every format of answers, then every format of inputs that the settings allow."""
    read = Limits(**settings.picture_limits).formats
    limits = Limits(formats=(*read, "JPEG", "PNG"))  # those of our own samples, whatever strangers may send
    yield _tried("codecs written", {name: name for name in SUFFIX}, limits)
    yield _tried("codecs read", dict.fromkeys(read, "png"), limits)
    if settings.content_check:
        yield _plugin("content check", "CONTENT_CHECK", partial(load_check, settings))
    if settings.remover:
        yield _plugin("remover", "REMOVER", partial(load_remover, settings))


def _tried(subject: str, formats: dict[str, str], limits: Limits) -> Finding:
    broken = []
    for name, answer in formats.items():
        try:
            source = _plain("PNG" if subject == "codecs written" else name)
            params = SuperimposeParams(image_format=answer, opacity=0)  # type: ignore[arg-type]
            made = superimpose(source, _plain("PNG"), params, limits=limits)
            with Image.open(io.BytesIO(made.data)) as picture:
                pixel = picture.convert("RGB").getpixel((SIDE // 2, SIDE // 2))
            if max(abs(one - other) for one, other in zip(pixel, COLOUR, strict=True)) > CLOSE:  # type: ignore[arg-type]
                broken.append(f"{name} (wrong colours)")
        except Exception as error:  # a codec that is missing or broken shows in any way it likes
            broken.append(f"{name} ({type(error).__name__})")
    if broken:
        advice = (
            "install this project's requirements anew (make up), and compare Pillow with requirements.lock"
        )
        return fail(subject, f"broken: {', '.join(broken)}", advice)
    return ok(subject, ", ".join(formats).lower())


def _plugin(subject: str, setting: str, load: Callable[[], object]) -> Finding:
    try:
        load()
    except UnusablePlugin as error:
        return fail(subject, str(error), f"no worker starts: correct SUPERIMPOSE_{setting}")
    return ok(subject, "loads")


def _plain(name: str) -> bytes:
    """One colour, as a file of this format."""
    if name == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), COLOUR).save(out, name)
    return out.getvalue()
