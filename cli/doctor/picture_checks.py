"""Checks what pictures need: the store, the addresses of inputs, the codecs, and plugins."""

import io
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError as StoreError
from PIL import Image

from cli.doctor.report import Finding, Findings, fail, gib, ok, warn, warn_unless
from cli.output_files import SUFFIX
from compositor import Limits, SuperimposeParams, superimpose
from jobs.config.setting_types import GIBIBYTE
from jobs.config.settings import Settings
from jobs.network.addresses import AddressRules
from jobs.pictures.store import PictureStore, new_token
from worker.plugin import UnusablePlugin, load_plugin

STORED = bytes(range(256)) * 256
MIN_FREE_BYTES = GIBIBYTE

PUBLIC_NAME = "example.com"
RESOLVE_S = 5.0

COLOUR = (200, 30, 60)
TOLERANCE = 12  # of 255, for lossy formats
SIDE = 64


def check_store(settings: Settings) -> Findings:
    url = settings.effective_storage_url
    directory = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None
    try:
        yield _write_and_read(PictureStore.open(settings), directory)
    except (StoreError, OSError, ValueError) as error:
        yield fail("store", f"cannot be used: {error}", "correct SUPERIMPOSE_STORAGE_URL, or the permissions")
        return
    if directory:
        free = shutil.disk_usage(next(each for each in (directory, *directory.parents) if each.exists())).free
        advice = "free some space: a request whose picture cannot be written is retried and then FAILED"
        yield warn_unless(free > MIN_FREE_BYTES, "store disk", f"{gib(free)} free", advice)


def _write_and_read(store: PictureStore, directory: Path | None) -> Finding:
    path = store.new_path("inputs", new_token(), time.time() + 60)
    new = [folder for folder in (directory / path).parents if not folder.exists()] if directory else []
    start = time.perf_counter()
    try:
        store.put(path, STORED)
        same = store.get(path) == STORED
    finally:
        store.delete([path])
        for folder in new:
            with suppress(OSError):  # another process has written to it
                folder.rmdir()
    if not same:
        return fail("store", "reads other bytes than were written", "check its disk")
    return ok("store", f"written, read and deleted in {1000 * (time.perf_counter() - start):.1f} ms")


def check_fetch(settings: Settings) -> Findings:
    refused = AddressRules(settings.fetch_allow).refusal("127.0.0.1") is not None
    yield warn_unless(
        refused,
        "fetch rules",
        f"this machine's own addresses {'are refused' if refused else 'may be fetched from'}",
        "leave SUPERIMPOSE_FETCH_ALLOW empty except for tests: clients choose the addresses",
    )
    name = next((host for host in settings.fetch_hosts if "*" not in host), PUBLIC_NAME)
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, name, 443).result(RESOLVE_S)
        yield ok("name resolution", f"{name} can be resolved")
    except (OSError, TookTooLong):
        advice = "inputs by URL will fail: look at the resolver (/etc/resolv.conf) and the firewall"
        yield warn("name resolution", f"{name} cannot be resolved", advice)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def check_codecs(settings: Settings) -> Findings:
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
    if name == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), COLOUR).save(out, name)
    return out.getvalue()
