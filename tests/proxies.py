"""Caddy and nginx on loopback in front of an API, configured by the blocks of the pages."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.missing import missing
from tests.stack import await_http, free_port

PATH = f"{os.environ['PATH']}:/usr/sbin"  # where Debian puts nginx
Proxy = Callable[[Path, int, int], list[str]]
"""Returns the command of a proxy, for a folder, the port to listen on and the API's port."""

API = "127.0.0.1:8000"  # as in the page
SECOND_API = "127.0.0.1:8001"
CADDY, NGINX, NGINX_OF_TWO = (
    next(block.text for block in blocks(ROOT / "docs" / "stack.md") if block.text.startswith(start))
    for start in ("pictures.example {", "server_tokens off;", "upstream superimpose {")
)
NGINX_OF_CELLS = next(
    block.text for block in blocks(ROOT / "docs" / "scaling.md") if block.text.startswith("map ")
)


def caddy(folder: Path, port: int, api_port: int) -> list[str]:
    """The page's Caddyfile, over plain HTTP."""
    site = CADDY.replace(API, f"127.0.0.1:{api_port}")
    site = site.replace("pictures.example {", f"http://:{port} {{\n\tbind 127.0.0.1")
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {folder}\n}}\n{site}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


def nginx(folder: Path, port: int, api_port: int) -> list[str]:
    """The page's block in a `server`."""
    return _nginx(folder, port, api_port, NGINX.replace(API, "api"))


def nginx_for_websockets(folder: Path, port: int, api_port: int) -> list[str]:
    """The same with the map of nginx's page on WebSockets, a common configuration."""
    plain = 'proxy_set_header Connection "";'
    assert plain in NGINX
    mapped = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
    return _nginx(folder, port, api_port, NGINX.replace(API, "api").replace(plain, mapped))


def nginx_under_a_path(folder: Path, port: int, api_port: int) -> list[str]:
    """The same with everything under /pictures."""
    locations = NGINX.replace("location /", "location /pictures/").replace(
        "location = /", "location = /pictures/"
    )
    assert "location /pictures/ {" in locations
    return _nginx(folder, port, api_port, locations.replace(f"{API};", "api/;"))


def _nginx(folder: Path, port: int, api_port: int, server: str) -> list[str]:
    http = f"""
            map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
            upstream api {{ server 127.0.0.1:{api_port}; keepalive 4; }}
            server {{ listen 127.0.0.1:{port}; {server} }}"""
    return _nginx_with(folder, http)


def _nginx_with(folder: Path, http: str) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    file = folder / "nginx.conf"
    file.write_text(f"""
        daemon off; master_process off; pid {folder}/nginx.pid; events {{}}
        http {{
            access_log off; {" ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)}
            {http}
        }}""")
    return ["nginx", "-e", f"{folder}/error.log", "-c", str(file)]


PROXIES: dict[str, Proxy] = {
    "caddy": caddy,
    "nginx": nginx,
    "nginx for WebSockets": nginx_for_websockets,
}


def nginx_of_two(folder: Path, port: int, one: int, other: int) -> list[str]:
    """The page's `server` with its `upstream` of two APIs."""
    command = _nginx(folder, port, one, NGINX.replace(API, "superimpose"))
    upstream = NGINX_OF_TWO.replace(API, f"127.0.0.1:{one}").replace(SECOND_API, f"127.0.0.1:{other}")
    file = Path(command[-1])
    file.write_text(file.read_text().replace("http {", f"http {{ {upstream}", 1))
    return command


@contextmanager
def in_front_of(api_port: int, proxy: Proxy, folder: Path, path: str = "") -> Iterator[str]:
    """The URL of this proxy in front of the API."""
    port = free_port()
    with _serving(proxy(folder, port, api_port), f"http://127.0.0.1:{port}{path}", folder) as url:
        yield url


@contextmanager
def in_front_of_two(one: int, other: int, folder: Path) -> Iterator[str]:
    """The URL of nginx in front of two APIs."""
    port = free_port()
    with _serving(nginx_of_two(folder, port, one, other), f"http://127.0.0.1:{port}", folder) as url:
        yield url


@contextmanager
def in_front_of_cells(port: int, api_ports: tuple[int, int], folder: Path) -> Iterator[None]:
    """nginx at this port in front of the cells `eu1` and `eu2`."""
    http = NGINX_OF_CELLS.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    for address, api_port in zip(("10.0.1.1:8000", "10.0.2.1:8000"), api_ports, strict=True):
        http = http.replace(address, f"127.0.0.1:{api_port}")
    with _serving(_nginx_with(folder, http), f"http://127.0.0.1:{port}", folder):
        yield


@contextmanager
def _serving(command: list[str], url: str, folder: Path) -> Iterator[str]:
    if shutil.which(command[0], path=PATH) is None:
        missing(f"no {command[0]} on PATH (apt install {command[0]})")
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, env={"PATH": PATH, "HOME": str(folder)}, stdout=log, stderr=log)
        try:
            await_http(f"{url}/livez", process)
            yield url
        finally:
            process.terminate()
            process.wait()
