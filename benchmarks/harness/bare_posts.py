"""The limit of a sender of events: POSTs of one body, so many at a time on kept connections, no more."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import httpcore
import uvloop

HEADERS = {
    "user-agent": "Superimpose-Webhooks/0.1.0",
    "accept": "*/*",
    "content-type": "application/json",
    "webhook-id": "msg_5476801e1a3144758dbb58e6b9ddfa68_completed",
    "webhook-timestamp": "1795988110",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}

Post = Callable[[], Awaitable[object]]


class Pace(NamedTuple):
    """Calls a second, and processor time of each in the process that makes them."""

    per_s: float
    cpu_ms: float


def by_httpcore(url: str, body: bytes, count: int, at_once: int) -> Pace:
    """For a process of its own, as `by_streams` is."""

    async def posts() -> Pace:
        async with httpcore.AsyncConnectionPool(max_connections=at_once) as pool:
            post = partial(pool.request, "POST", url, headers=HEADERS, content=body)
            return await _pace([post] * at_once, count)

    return uvloop.run(posts())


def by_streams(url: str, body: bytes, count: int, at_once: int) -> Pace:
    host = urlsplit(url)
    lines = {"host": host.netloc, "content-length": str(len(body))} | HEADERS
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    request = f"POST {host.path} HTTP/1.1\r\n{head}\r\n".encode() + body

    async def connected() -> Post:
        reader, writer = await asyncio.open_connection(host.hostname, host.port)

        async def post() -> None:
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n")

        return post

    async def posts() -> Pace:
        return await _pace([await connected() for _ in range(at_once)], count)

    return uvloop.run(posts())


async def _pace(posts: list[Post], count: int) -> Pace:
    for post in posts:
        await post()  # opens its connection

    async def repeated(post: Post) -> None:
        for _ in range(count // len(posts)):
            await post()

    started, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(repeated, posts))
    made = count // len(posts) * len(posts)
    return Pace(made / (time.perf_counter() - started), 1000 * (time.process_time() - used) / made)
