"""Checks that the compositor writes and reads each format, and that plugins load."""

import io

from PIL import Image

from cli.doctor.finding import Finding, Findings, fail, ok
from cli.formats import SUFFIX
from compositor import Limits, SuperimposeParams, superimpose
from jobs.config.settings import Settings
from worker.plugin import UnusablePlugin, load_plugin

COLOUR = (200, 30, 60)
TOLERANCE = 12  # of 255, for lossy formats
SIDE = 64


def check_codecs(settings: Settings) -> Findings:
    """All output formats, then the input formats that the settings allow, then plugins."""
    input_formats = Limits(**settings.picture_limits).formats
    limits = Limits(formats=(*input_formats, "JPEG", "PNG"))  # our samples are not subject to the settings
    yield _test_formats("codecs written", {name: name for name in SUFFIX}, limits)
    yield _test_formats("codecs read", dict.fromkeys(input_formats, "png"), limits)
    if settings.content_check:
        yield _plugin(settings, "content_check", "check")
    if settings.remover:
        yield _plugin(settings, "remover", "remover")


def _test_formats(subject: str, formats: dict[str, str], limits: Limits) -> Finding:
    """`formats` maps each format to the output format to test it with."""
    broken = []
    for name, output_format in formats.items():
        try:
            source = _sample("PNG" if subject == "codecs written" else name)
            params = SuperimposeParams(image_format=output_format, opacity=0)  # type: ignore[arg-type]
            result = superimpose(source, _sample("PNG"), params, limits=limits)
            with Image.open(io.BytesIO(result.data)) as picture:
                pixel = picture.convert("RGB").getpixel((SIDE // 2, SIDE // 2))
            if max(abs(one - other) for one, other in zip(pixel, COLOUR, strict=True)) > TOLERANCE:  # type: ignore[arg-type]
                broken.append(f"{name} (wrong colours)")
        except Exception as error:  # a missing or broken codec may raise anything
            broken.append(f"{name} ({type(error).__name__})")
    if broken:
        advice = "reinstall this project's requirements (make up), and compare Pillow with requirements.lock"
        return fail(subject, f"broken: {', '.join(broken)}", advice)
    return ok(subject, ", ".join(formats).lower())


def _plugin(settings: Settings, setting: str, kind: str) -> Finding:
    subject = setting.replace("_", " ")
    try:
        load_plugin(settings, setting, kind)
    except UnusablePlugin as error:
        return fail(subject, str(error), f"no worker starts: correct SUPERIMPOSE_{setting.upper()}")
    return ok(subject, "loads")


def _sample(name: str) -> bytes:
    """A picture of one colour in this format."""
    if name == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), COLOUR).save(out, name)
    return out.getvalue()
