"""The service against a bare loop over `superimpose()`, on the same cores, in one run.

Prints medians and ratios: the time of one small request on an idle service, pictures per second from
submit to the fetched picture, and the resident memory of the processes after all of it. Inputs come over
loopback HTTP. The service is measured as it is shipped and with its cache of decoded inputs off; the bare
loop has none.

    python -m benchmarks.scenarios.service [--rounds 5] [--jobs 200]
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import multiprocessing
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from benchmarks import seed
from cli.serve.redis_server import await_ready, server_command
from compositor import SuperimposeParams, superimpose
from tests.stack import KEY, Stack, environment, running

WORKERS = 2
SMALL = {"base_image": "cup.jpg", "overlay_image": "logo.png"}
HEADERS = {"x-api-key": KEY, "content-type": "application/json"}


def bare_loop(jobs: int) -> None:
    """What one core can do without any service."""
    base, overlay, params = seed.base_jpeg(), seed.overlay_png(), SuperimposeParams(**seed.PARAMS)
    for _ in range(jobs):
        superimpose(base, overlay, params)


def bare_rate(jobs: int) -> float:
    """Pictures per second of one bare loop on each of as many processes as there are workers."""
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        pool.map(bare_loop, [1] * WORKERS)
        start = time.perf_counter()
        pool.map(bare_loop, [jobs // WORKERS] * WORKERS, chunksize=1)
        return jobs / (time.perf_counter() - start)


class Client:
    """The cheapest client there is: one kept connection, so that the benchmark measures the service."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """One call that must succeed; returns the body."""
        self._connection.request(method, path, json.dumps(body) if body else None, HEADERS)
        answer = self._connection.getresponse()
        data = answer.read()
        assert answer.status == 200, (answer.status, data)
        return data

    def submit(self, body: object) -> str:
        """Submit and return the id."""
        return str(json.loads(self.call("POST", "/v2/superimpose", body))["request_id"])

    def finish(self, request_id: str, pause_s: float) -> None:
        """Poll until COMPLETED."""
        while json.loads(self.call("GET", f"/v2/requests/{request_id}/status"))["status"] != "COMPLETED":
            time.sleep(pause_s)

    def picture(self, request_id: str) -> bytes:
        """Result, then picture."""
        output = json.loads(self.call("GET", f"/v2/requests/{request_id}"))["output"]
        return self.call("GET", output[output.index("/pictures/") :])


def idle_latency_ms(client: Client, body: object, times: int) -> float:
    """Median from the start of a submit to a status of COMPLETED, one request at a time."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        client.finish(client.submit(body), pause_s=0.002)
        took.append(1000 * (time.perf_counter() - start))
    return median(took)


def service_rate(client: Client, body: object, jobs: int) -> float:
    """Pictures per second from the first submit to the last picture fetched."""
    start = time.perf_counter()
    requests = [client.submit(body) for _ in range(jobs)]
    for request_id in requests:
        client.finish(request_id, pause_s=0.05)
        assert client.picture(request_id)
    return jobs / (time.perf_counter() - start)


def serve_inputs(port: "Connection") -> None:
    """Serve the seed pictures on loopback as cheaply as can be."""
    pictures = {b"/base.jpg": seed.base_jpeg(), b"/overlay.png": seed.overlay_png()}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                data = pictures[head.split(b" ", 2)[1]]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(data))
                writer.write(data)
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def inputs() -> Iterator[str]:
    """URL of a process that serves the seed pictures."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_inputs, args=(theirs,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{ours.recv()}"
    process.terminate()
    process.join()


@contextmanager
def service(**settings: object) -> Iterator[Stack]:
    """The service on a Redis of its own."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        redis = subprocess.Popen(server_command(directory, directory / "redis.sock"))
        await_ready(directory / "redis.sock", lambda: redis.poll() is not None)
        redis_url = f"unix://{directory}/redis.sock"
        env = environment(redis_url, directory, fetch_allow="127.0.0.1/32", **settings)
        try:
            with running(env, workers=WORKERS) as stack:
                yield stack
        finally:
            redis.terminate()
            redis.wait()


def memory_mb(stack: Stack) -> dict[str, float]:
    """Resident memory in MB of each process, and of a worker with its child, shared pages shared out."""
    api, worker = (process.pid for process in stack.processes[:2])
    child = next(pid for pid, parent in parents() if parent == worker)
    resident, proportional = (
        {pid: smaps_mb(pid, kind) for pid in (api, worker, child)} for kind in ("Rss", "Pss")
    )
    return {
        "API": resident[api],
        "worker": resident[worker],
        "its child": resident[child],
        "worker and child together (proportional)": proportional[worker] + proportional[child],
    }


def parents() -> Iterator[tuple[int, int]]:
    """(process id, its parent's) of everything that runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            yield int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])


def smaps_mb(pid: int, kind: str) -> float:
    """A line of the kernel's account of a process's memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1000


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=200)
    asked = parser.parse_args()
    with inputs() as origin, service() as shipped, service(cache_bytes=0) as uncached:
        body = {"base_image": f"{origin}/base.jpg", "overlay_image": f"{origin}/overlay.png", **seed.PARAMS}
        stacks = {"as shipped": shipped, "cache off": uncached}
        for stack in stacks.values():
            service_rate(Client(stack.url), body, WORKERS * 10)
        small = {name: f"{shipped.url}/samples/{file}" for name, file in SMALL.items()}
        latency = idle_latency_ms(Client(shipped.url), small, 50)
        print(f"idle service, POST to COMPLETED: median {latency:.1f} ms")
        ratios = [compare(stacks, body, asked.jobs) for _ in range(asked.rounds)]
        for name in stacks:
            print(
                f"pictures per second, {name} / bare loop: median {median(each[name] for each in ratios):.2f}"
            )
        shown = ", ".join(f"{name} {megabytes:.0f}" for name, megabytes in memory_mb(shipped).items())
        print(f"MB resident after {asked.rounds * asked.jobs:,} jobs: {shown}")


def compare(stacks: Mapping[str, Stack], body: object, jobs: int) -> dict[str, float]:
    """One round: the pictures per second of each stack, as a ratio to the bare loop's."""
    bare = bare_rate(jobs)
    rates = {name: service_rate(Client(stack.url), body, jobs) for name, stack in stacks.items()}
    shown = ", ".join(f"{name} {rate:.1f}/s = {rate / bare:.2f}" for name, rate in rates.items())
    print(f"bare loop {bare:.1f}/s, {shown}")
    return {name: rate / bare for name, rate in rates.items()}


if __name__ == "__main__":
    main()
