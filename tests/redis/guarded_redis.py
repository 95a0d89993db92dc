"""A Redis with the options and the ACL of docker-compose.yml, and with TLS and a password."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import trustme
import yaml
from redis import Redis, RedisError

from tests.missing import missing
from tests.stack import free_port

USER, PASSWORD = "shop", "p@ss:w/o?r#d%20 é"
ENCODED = quote(PASSWORD, safe="")
READY_S = 180


@dataclass
class GuardedRedis:
    """URLs: `plain` as in the stack, `tls` for a user with a password and the same rights."""

    plain: str
    tls: str
    process: "subprocess.Popen[bytes]"


def compose_options() -> list[str]:
    """The options of Redis in docker-compose.yml."""
    compose = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())
    options: list[str] = compose["services"]["redis"]["command"]
    return options


def acl(options: list[str]) -> list[str]:
    """The rules of the only user, after its name, state and password."""
    rules = options[options.index("nopass") + 1 :]
    return rules[: next((at for at, rule in enumerate(rules) if rule.startswith("--")), len(rules))]


@contextmanager
def serving(directory: Path) -> Iterator[GuardedRedis]:
    """Without a Redis with TLS the test is skipped, on CI it fails."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "authority.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    port, tls_port, options = free_port(), free_port(), compose_options()
    command = [
        *(shutil.which("redis-server") or "redis-server", "--dir", str(directory)),
        *("--bind", "127.0.0.1", "--port", str(port), "--tls-port", str(tls_port)),
        *("--tls-cert-file", str(directory / "server.pem"), "--tls-key-file", str(directory / "server.pem")),
        *("--tls-ca-cert-file", str(directory / "authority.pem"), "--tls-auth-clients", "no"),
        *options,
        *("--user", USER, "on", f">{PASSWORD}", *acl(options)),
    ]
    query = f"ssl_ca_certs={quote(str(directory / 'authority.pem'))}"
    process = start(command, directory)
    try:
        plain = f"redis://127.0.0.1:{port}/0"
        await_redis(plain, process)
        yield GuardedRedis(plain, f"rediss://{USER}:{ENCODED}@localhost:{tls_port}/0?{query}", process)
    finally:
        process.terminate()
        process.wait()


def start(command: list[str], directory: Path) -> "subprocess.Popen[bytes]":
    try:
        with (directory / "redis.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)
    except FileNotFoundError:
        missing("needs redis-server")


def await_redis(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            missing("needs a redis-server built with TLS")
        try:
            with Redis.from_url(url) as redis:
                redis.ping()
                return
        except RedisError:
            time.sleep(0.02)
    raise AssertionError("Redis did not start")
