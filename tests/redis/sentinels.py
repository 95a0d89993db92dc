"""A Redis with a replica and three Sentinels that promote it, each with its password, all on loopback."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import trustme
from redis import Redis, RedisError

from tests.redis.guarded_redis import ENCODED, PASSWORD, await_redis, start
from tests.stack import free_port

SERVICE = "shop-1"
DOWN_AFTER_MS = 1000
QUORUM = 2
READY_S = 180

SENTINEL_PASSWORD = "sentinel's p@ss"


@dataclass
class Sentinels:
    """`url` names them after an address without a server; `master` is the first master."""

    url: str
    master: "subprocess.Popen[bytes]"


@contextmanager
def serving(directory: Path) -> Iterator[Sentinels]:
    """Without redis-server the test is skipped, on CI it fails."""
    master, replica, *watching = (free_port() for _ in range(5))
    account = {"--requirepass": PASSWORD, "--masterauth": PASSWORD, "--repl-diskless-sync-delay": "0"}
    with ended_at_last() as processes:
        processes.append(serve(directory, master, **account))
        processes.append(serve(directory, replica, **account, **{"--replicaof": f"127.0.0.1 {master}"}))
        for port, process in zip((master, replica), processes, strict=True):
            await_redis(f"redis://:{ENCODED}@127.0.0.1:{port}", process)
        until(lambda: is_linked(replica), "a replica with its master's data")
        processes += [watch(directory, port, master) for port in watching]
        for port in watching:
            until(lambda port=port: knows_all(port), "a Sentinel that knows replica and Sentinels")
        hosts = ",".join(f"127.0.0.1:{port}" for port in (free_port(), *watching))
        query = f"sentinel_password={quote(SENTINEL_PASSWORD)}"
        yield Sentinels(f"redis+sentinel://:{ENCODED}@{hosts}/{SERVICE}/1?{query}", processes[0])


@contextmanager
def serving_tls(directory: Path) -> Iterator[str]:
    """The URL of one Redis and one Sentinel that use only TLS."""
    authority, pem = trustme.CA(), directory / "server.pem"
    authority.cert_pem.write_to_path(directory / "authority.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    tls = {
        "--tls-cert-file": str(pem),
        "--tls-key-file": str(pem),
        "--tls-auth-clients": "no",
        "--tls-ca-cert-file": str(directory / "authority.pem"),
        "--tls-replication": "yes",
    }
    master, watching = free_port(), free_port()
    query = f"ssl_ca_certs={quote(str(directory / 'authority.pem'))}"
    with ended_at_last() as processes:
        processes.append(serve(directory, 0, **tls, **{"--tls-port": str(master)}))
        await_redis(f"rediss://127.0.0.1:{master}?{query}", processes[0])
        processes.append(watch(directory, 0, master, 1, **tls, **{"--tls-port": str(watching)}))
        await_redis(f"rediss://127.0.0.1:{watching}?{query}", processes[1])
        yield f"rediss+sentinel://127.0.0.1:{watching}/{SERVICE}?{query}"


@contextmanager
def ended_at_last() -> Iterator[list["subprocess.Popen[bytes]"]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def serve(directory: Path, port: int, *first: str, **options: str) -> "subprocess.Popen[bytes]":
    """A Redis that writes no file."""
    own = directory / f"redis-{options.get('--tls-port', port)}"
    own.mkdir()
    common = {"--dir": str(own), "--bind": "127.0.0.1", "--port": str(port), "--save": ""}
    words = [word for name, value in {**common, **options}.items() for word in (name, value)]
    return start(["redis-server", *first, *words], own)


def watch(
    directory: Path, port: int, master: int, quorum: int = QUORUM, **options: str
) -> "subprocess.Popen[bytes]":
    """A Sentinel of the Redis at `master`."""
    config = directory / f"sentinel-{options.get('--tls-port', port)}.conf"
    config.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {master} {quorum}\n"
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {SERVICE} 5000\n"
        + (f'sentinel auth-pass {SERVICE} "{PASSWORD}"\n' if port else "")
        + (
            f'requirepass "{SENTINEL_PASSWORD}"\nsentinel sentinel-pass "{SENTINEL_PASSWORD}"\n'
            if port
            else ""
        )
    )
    return serve(directory, port, str(config), "--sentinel", **options)


def is_linked(port: int) -> bool:
    """Whether the replica at `port` has its master's data; Sentinels started later see it at once."""
    with Redis(port=port, password=PASSWORD) as replica:
        return bool(replica.info("replication")["master_link_status"] == "up")


def knows_all(port: int) -> bool:
    """Whether the Sentinel at `port` can promote the replica, and could find others to agree."""
    try:
        with Redis(port=port, password=SENTINEL_PASSWORD) as sentinel:
            state = sentinel.sentinel_master(SERVICE)
            replicas = sentinel.sentinel_slaves(SERVICE)
    except RedisError:
        return False
    linked = [replica for replica in replicas if replica["master-link-status"] == "ok"]
    return bool(linked) and state["num-other-sentinels"] == QUORUM


def until(holds: Callable[[], bool], what: str, patience_s: float = READY_S) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {patience_s} s: {what}"
        time.sleep(0.05)
