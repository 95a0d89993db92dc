"""Files of formats that are never decoded."""

import gzip

from PIL import Image

from tests.compositor.pictures import read
from tests.worker.hostile.files import INVALID, Hostile, gradient, saved
from tests.worker.hostile.jpegs import PLAIN
from tests.worker.hostile.pngs import noise, zipped

XXE = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY f SYSTEM "file:///etc/passwd">]><svg><text>&f;</text></svg>'


def written(image_format: str, mode: str = "RGB", **options: object) -> bytes:
    """A valid file of this format."""
    return saved(gradient(32, 32, mode), image_format, **options)


def pages(count: int) -> bytes:
    """A TIFF of many pages."""
    page = Image.new("1", (8, 8))
    return saved(page, "TIFF", save_all=True, append_images=[page] * (count - 1))


STRANGERS = [
    Hostile(f"{name}-is-not-decoded", INVALID, make)
    for name, make in {
        "tiff": lambda: written("TIFF"),
        "tiff-deflated": lambda: written("TIFF", compression="tiff_deflate"),
        "tiff-of-300-pages": lambda: pages(300),
        "tiff-with-a-jpeg-inside": lambda: written("TIFF", compression="jpeg"),
        "bmp": lambda: written("BMP"),
        "bmp-of-2-gigapixels": lambda: (
            b"BM" + bytes(12) + b"\x28\0\0\0" + b"\xff\xff\xff\x7f" * 2 + bytes(28)
        ),
        "ico": lambda: written("ICO"),
        "icns": lambda: b"icns\xff\xff\xff\xff" + noise(100),
        "dds": lambda: written("DDS", "RGBA"),
        "ppm": lambda: written("PPM"),
        "ppm-of-negative-size": lambda: b"P6 -1 -1 255 ",
        "tga": lambda: written("TGA"),
        "pcx": lambda: written("PCX"),
        "sgi": lambda: written("SGI"),
        "jpeg-2000": lambda: written("JPEG2000"),
        "jpeg-2000-codestream": lambda: read("pillow/16bit.cropped.jp2").partition(b"jp2c")[2],
        "heif": lambda: read("RGB_8__29x100.heif"),
        "eps": lambda: written("EPS"),
        "postscript-that-runs-a-program": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\nshowpage\n",
        "pdf": lambda: written("PDF"),
        "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "svg-that-reads-a-file": lambda: XXE,
        "svg-that-fetches": lambda: b'<svg><image href="http://169.254.169.254/latest/meta-data"/></svg>',
        "svg-compressed": lambda: gzip.compress(XXE, mtime=0),
        "imagemagick-script": lambda: (
            b"push graphic-context\nfill 'url(https://x.example/a.jpg\"|ls \"-la)'\npop"
        ),
        "xpm": lambda: b'/* XPM */\nstatic char *a[] = {"1 1 1 1", "a c #fff", "a"};',
        "xbm": lambda: b"#define a_width 65535\n#define a_height 65535\nstatic char a_bits[] = {0};",
        "wmf": lambda: b"\xd7\xcd\xc6\x9a" + noise(100),
        "fits": lambda: b"SIMPLE  =                    T".ljust(2880),
        "qoi": lambda: b"qoif\x7f\xff\xff\xff\x7f\xff\xff\xff\4\0",
        "photoshop": lambda: (
            b"8BPS\0\1" + bytes(6) + b"\0\3\x7f\xff\xff\xff\x7f\xff\xff\xff\0\x08\0\3" + bytes(12)
        ),
        "jpeg-xl": lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + noise(60),
        "jpeg-xl-codestream": lambda: b"\xff\x0a" + noise(60),
        "film": lambda: b"\0\0\0\x18ftypisom\0\0\0\0isommp41" + noise(60),
        "zip": zipped,
        "windows-program": lambda: b"MZ\x90\0" + noise(60),
        "linux-program": lambda: b"\x7fELF\2\1\1" + noise(60),
        "shell-script": lambda: b"#!/bin/sh\nrm -rf /\n",
        "pickle": lambda: b"\x80\4\x95\x1f\0\0\0\0\0\0\0\x8c\5posix\x8c\6system\x93\x8c\2id\x85R.",
        "page": lambda: b"<!doctype html><script>alert(1)</script>",
        "json": lambda: b'{"error": "not found"}',
        "jpeg-behind-a-space": lambda: b" " + PLAIN,
        "jpeg-behind-a-page": lambda: b"<html>" + PLAIN,
        "jpeg-backwards": lambda: PLAIN[::-1],
        "one-byte": lambda: b"\0",
        "zeros": lambda: bytes(100_000),
        "noise": lambda: noise(100_000),
        "png-as-text": lambda: b"iVBORw0KGgoAAAANSUhEUg==",
    }.items()
]
