"""Webhook events per second, their latency, and the effect of dead receivers.

Sender, receiver and Redis share the machine. Throughput: events are queued while the sender is suspended; for
comparison httpcore's pool POSTs bodies of the same size with the same concurrency. Latency: one event at a
time, from the end of its request, by Redis's clock, until the receiver has it. Then the throughput again
beside due events for dead receivers: one each, or a tenth as many for a single one. Dead receivers refuse
connections or, one in a hundred, accept them and never answer.
"""

import asyncio
import random
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import httpcore
import uvloop

from benchmarks.harness.figures import Pace, interleaved, latencies, median_ratio, medians, pace, table
from benchmarks.harness.processes import cpu_s, free_port, in_own_process, started, suspended
from benchmarks.harness.requests import Requests
from benchmarks.harness.servers import Receiver, event_receiver
from benchmarks.harness.service import RedisServer, await_rewrite, environment, redis_server
from jobs import keyspace
from jobs.lifecycle.record import Record
from jobs.redis.hashes import as_text
from jobs.webhooks.body import event_body
from jobs.webhooks.exchange import PER_RECEIVER
from jobs.webhooks.rules import webhook_fields

MASTER = "a-master-secret-of-the-benchmarks"
ORIGIN = "https://pictures.example"
AT_ONCE = PER_RECEIVER["proven"]
MAX_PAUSE_S = 0.2  # between single events
SILENT_SHARE = 100  # one dead receiver in so many never answers
CHUNK = 10_000
MAX_UNDELIVERED = 10_000_000
HEADERS = {
    "user-agent": "Superimpose-Webhooks/0.1.0",
    "content-type": "application/json",
    "webhook-id": "msg_5476801e1a3144758dbb58e6b9ddfa68_completed",
    "webhook-timestamp": "1795988110",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}


def main(rounds: int = 7, events: int = 3000, single: int = 200, dead: int = 100_000) -> None:
    with event_receiver() as receiver, sender(receiver) as alone:
        posted = receiver.url, alone.body(), events, AT_ONCE
        contestants = {
            "the sender": partial(alone.sent, events),
            "httpcore": partial(in_own_process, by_httpcore, *posted),
        }
        print(shown(interleaved(contestants, rounds)), "\n")
        ms = [alone.latency_ms() for _ in range(single)]
        print("idle: p50 {} ms, p95 {} ms, longest {} ms\n".format(*latencies(ms, 50, 95, digits=1)))
        with dead_receivers(dead) as (many, one):
            for name, urls in (("many dead receivers", many), ("one", one)):
                with sender(receiver) as beside:
                    beside.add(urls)
                    contestants = {
                        "alone": partial(alone.sent, events, beside),
                        f"beside {name}": partial(beside.sent, events),
                    }
                    print(shown(interleaved(contestants, rounds)), "\n")


def by_httpcore(url: str, body: bytes, count: int, at_once: int) -> Pace:
    """POST one body repeatedly with this concurrency; to be run in a process of its own."""

    pool, each = httpcore.AsyncConnectionPool(max_connections=at_once), count // at_once

    async def post(count: int) -> None:
        for _ in range(count):
            await pool.request("POST", url, headers=HEADERS, content=body)

    async def post_all(each: int) -> None:
        await asyncio.gather(*(post(each) for _ in range(at_once)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(post_all(1))  # opens the connections
        measured = pace(lambda: runner.run(post_all(each)), each * at_once, time.process_time)
        runner.run(pool.aclose())
    return measured


def shown(samples: Mapping[str, Sequence[Pace]]) -> str:
    """Medians, and the ratio of the first contestant's pace to each."""
    first = [pace.per_s for pace in next(iter(samples.values()))]
    rows = []
    for name, paces in samples.items():
        per_s, cpu_ms = medians(paces)
        ratio = median_ratio(first, [pace.per_s for pace in paces])
        rows.append([name, f"{per_s:,.0f}", f"{cpu_ms:.3f}", f"{ratio:.2f}"])
    return table(("", "events/s", "CPU, ms an event", "first / this"), rows)


class Sender:
    """A sender process with its own Redis, and the events for it to send."""

    def __init__(self, server: RedisServer, receiver: Receiver, pid: int) -> None:
        self._redis = server.redis
        self._receiver = receiver
        self._requests = Requests(server.redis, max_undelivered_per_key=MAX_UNDELIVERED)
        self.pids = [pid]
        self.latency_ms()

    def latency_ms(self) -> float:
        """The latency of a single event."""
        self._receiver.calls()  # forgets earlier ones
        time.sleep(random.uniform(0, MAX_PAUSE_S))
        event = self._end(self._receiver.url)
        [arrived] = self._receiver.await_calls(1, pause_s=0.01)
        return 1000 * arrived - int(event["finished_at"])

    def sent(self, count: int, other: "Sender | None" = None) -> Pace:
        """The pace of `count` events, while the `other` sender is suspended."""
        with suspended(other.pids if other else []):
            self._receiver.calls()  # forgets earlier ones
            self.add([self._receiver.url] * count)
            used, start = cpu_s(self.pids), time.time()
            arrived = self._receiver.await_calls(count)
            return Pace(count / (max(arrived) - start), 1000 * (cpu_s(self.pids) - used) / count)

    def body(self) -> bytes:
        """The body of an event."""
        event = self._end(self._receiver.url)
        return event_body(Record.from_text("0" * 36, event), ORIGIN, has_base64=False)

    def add(self, urls: Sequence[str]) -> None:
        """Add one due event for each URL, as copies of a real one."""
        with suspended(self.pids):
            for start in range(0, len(urls), CHUNK):
                self._add(urls[start : start + CHUNK])
            await_rewrite(self._redis)

    def _add(self, urls: Sequence[str]) -> None:
        first, key_id = self._end(urls[0]), self._requests.key_id
        with self._redis.pipeline(transaction=False) as pipe:
            for url in urls[1:]:
                request_id, receiver = str(uuid4()), self._webhook(url)["receiver"]
                event_id = f"msg_{request_id.replace('-', '')}_completed"
                event = {**first, "id": event_id, "url": url, "receiver": receiver}
                pipe.hset(keyspace.event(request_id), mapping=event)
                pipe.zadd(keyspace.untried_events(receiver), {request_id: first["next"]})
                if receiver != first["receiver"]:
                    pipe.zadd(keyspace.new_receivers(key_id), {receiver: first["next"]})
            pipe.hincrby(keyspace.api_key(key_id), "undelivered", len(urls) - 1)
            pipe.execute()

    def _end(self, url: str) -> dict[str, str]:
        """Complete a request and return its event."""
        request_id = self._requests.begin({}, webhook=self._webhook(url))
        self._requests.complete_next()
        found: Any = self._redis.hgetall(keyspace.event(request_id))
        return as_text(found)

    def _webhook(self, url: str) -> dict[str, Any] | None:
        return webhook_fields(url, None, self._requests.key_id, ORIGIN)


@contextmanager
def sender(receiver: Receiver) -> Iterator[Sender]:
    with redis_server() as server:
        settings = {"webhook_secret": MASTER, "webhook_http": "true", "fetch_allow": "127.0.0.0/8"}
        command, log = (sys.executable, "-m", "cli", "webhooks"), server.folder / "sender.log"
        with started(command, environment(redis_url=server.url, **settings), log) as process:
            yield Sender(server, receiver, process.pid)


@contextmanager
def dead_receivers(count: int) -> Iterator[tuple[list[str], list[str]]]:
    """URLs on `count` dead hosts, and a tenth as many on one host that refuses connections."""
    refusing = free_port()
    with socket.create_server(("0.0.0.0", 0), backlog=1000) as silent:  # 127.0.0.0/8
        ports = [silent.getsockname()[1], *[refusing] * (SILENT_SHARE - 1)]
        hosts = [f"127.{1 + number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(count)]
        many = [f"http://{host}:{ports[number % SILENT_SHARE]}/hook" for number, host in enumerate(hosts)]
        yield many, [f"http://127.0.0.1:{refusing}/hook"] * (count // 10)
