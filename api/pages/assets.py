"""The files that the pages load: style sheets and unbundled JavaScript modules."""

import gzip
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

IMPORT = re.compile(r"""\b(?:from|import)\s*["'](\.[^"']+)["']""")  # not `import("...")`
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
STATIC = Path(__file__).parent / "static"
SWAGGER_UI = ("swagger-ui-bundle.js", "swagger-ui.css")


@dataclass(frozen=True)
class Asset:
    data: bytes
    media_type: str

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.data, mtime=0)


@cache
def assets() -> Mapping[str, Asset]:
    """By path below `static/`; Swagger UI's by name."""
    swagger_ui = files("fastapi_offline") / "static"
    paths = {name: swagger_ui / name for name in SWAGGER_UI}
    paths |= {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*.*")}
    return {name: Asset(path.read_bytes(), TYPES[name.rpartition(".")[2]]) for name, path in paths.items()}


def with_imports(module: str) -> list[str]:
    """`module` and all modules that it imports statically, directly or not."""
    modules = [module]
    for name in modules:  # grows during the loop
        paths = IMPORT.findall(assets()[name].data.decode())
        names = (posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in paths)
        modules += [each for each in names if each not in modules]
    return modules


@cache
def version() -> str:
    """A hash of all files. It is part of their URLs, so that browsers can cache them forever."""
    digest = sha256()
    for name, asset in sorted(assets().items()):
        digest.update(f"{name} {len(asset.data)}\n".encode() + asset.data)
    return digest.hexdigest()[:16]
