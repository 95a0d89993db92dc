"""A picture is cached for as long as its server allows, and for the owners that it allows."""

import json
import logging
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from time import time

import pytest

from tests.worker.fetch.answers import Origin, redirects, requests, response, says
from tests.worker.fetch.cache.conftest import ROOM, fetching, only, read
from tests.worker.fetch.conftest import RULES, Serve
from worker.fetch import BoundedDirectory, Fetcher, FetchError

LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"


def times_asked(origin: Origin, serve: Serve, fetcher: Fetcher, *owners: str) -> int:
    """The number of requests to the server for one fetch by each of `owners`."""
    url = serve(origin).url
    for owner in owners:
        assert fetcher.get(url, field="mask", owner=owner).data == origin.body
    return len(origin.asked)


@pytest.mark.parametrize(
    "headers",
    [
        ("cache-control: max-age=60",),
        ("Cache-Control: Public, Max-Age=60",),
        ("cache-control: private, max-age=60",),
        ("cache-control: public", "cache-control: s-maxage=60, max-age=0"),
        ("cache-control: max-age=60, must-revalidate",),
        ("cache-control: max-age=60", "expires: 0"),
        ("cache-control: max-age=60", "age: 30"),
        ("cache-control: max-age=60", "vary: accept-encoding, Origin, Cookie"),
        ("cache-control: max-age=7200", f"date: {formatdate(time() - 3600, usegmt=True)}"),
        (f"expires: {formatdate(time() + 3600, usegmt=True)}",),
    ],
)
def test_a_fresh_picture_is_not_requested_again(headers, serve, fetcher):
    assert times_asked(Origin(headers), serve, fetcher, "us", "us", "us") == 1


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("cache-control: public",),
        ("cache-control: no-store, max-age=60", 'etag: "1"'),
        ("cache-control: no-cache, max-age=60",),
        ("cache-control: max-age=0",),
        ("cache-control: max-age=soon",),
        ("cache-control: s-maxage=60",),
        ("expires: 0",),
        ("expires: Fri, 01 Jan 99999 00:00:00 GMT",),
        (f"expires: {LONG_AGO}",),
        ("cache-control: max-age=60", "age: 60"),
        ("cache-control: max-age=60", f"date: {formatdate(time() - 3600, usegmt=True)}"),
        ("cache-control: max-age=60", "vary: *"),
        ("cache-control: max-age=60", "set-cookie: a=1"),
    ],
)
def test_a_response_that_must_not_be_reused_is_not_stored(headers, serve, fetcher, folder):
    assert times_asked(Origin(headers), serve, fetcher, "us", "us") == 2
    assert not folder.exists()


@pytest.mark.parametrize(
    "date",
    ["", "date: yesterday", "date: Fri, 01 Jan 99999 00:00:00 GMT", "date: Fri, 01 Jan 2100 00:00:00 GMT"],
)
def test_without_a_plausible_date_the_age_header_decides(date, serve, fetcher):
    old = ("cache-control: max-age=60", "age: 61", *filter(None, [date]))
    assert times_asked(Origin(old), serve, fetcher, "us", "us") == 2
    new = ("cache-control: max-age=60", "age: 1", *filter(None, [date]))
    assert times_asked(Origin(new), serve, fetcher, "us", "us") == 1


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("cache-control: no-cache, max-age=60",),
        ("cache-control: max-age=0",),
        ("cache-control: public, no-cache",),
        ("cache-control: private, no-cache",),
        ("cache-control: max-age=60", "vary: *"),
    ],
)
def test_a_stale_picture_is_revalidated_by_its_etag_and_not_sent_again(headers, serve, fetcher):
    origin = Origin(headers, etag='"v1"')
    server = serve(origin)
    bodies = [fetcher.get(server.url, field="mask", owner="us").data for _ in range(3)]
    assert bodies == [origin.body] * 3
    assert [b'if-none-match: "v1"' in head.lower() for head in origin.asked] == [False, True, True]
    assert server.connections == 1


def test_last_modified_is_used_for_revalidation_and_not_for_heuristic_freshness(serve, fetcher):
    heads: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            heads.append(head.lower())
            known = b"if-modified-since: " + LONG_AGO.lower().encode() in heads[-1]
            fields = f"last-modified: {LONG_AGO}\r\n" + ("" if known else "content-length: 9\r\n")
            connection.sendall(
                response(b"", status="304 Not Modified", headers=fields)
                if known
                else response(headers=fields)
            )

    url = serve(answer).url
    assert [fetcher.get(url, field="mask", owner="us").data for _ in range(2)] == [b"a picture"] * 2
    assert b"if-modified-since" in heads[1]


def test_a_304_does_not_write_the_picture_again(serve, fetcher, folder):
    origin = Origin(etag='"v1"', renewal=(f"date: {LONG_AGO}",))
    url = serve(origin).url
    fetcher.get(url, field="mask", owner="us")
    file = only(folder)
    before, file_number = file.read_bytes(), file.stat().st_ino
    for _ in range(2):
        assert fetcher.get(url, field="mask", owner="us").data == origin.body
    assert file.stat().st_ino == file_number
    assert file.read_bytes() != before
    assert len(origin.asked) == 3


def test_a_304_makes_a_picture_fresh_again(serve, fetcher):
    origin = Origin(("cache-control: max-age=60", "age: 100"), etag='"v1"', renewal=("age: 0",))
    assert times_asked(origin, serve, fetcher, "us", "us", "us", "us") == 2


def test_a_changed_picture_replaces_the_cached_one(serve, fetcher):
    origin = Origin(("cache-control: no-cache",), etag='"v1"')
    url = serve(origin).url
    assert fetcher.get(url, field="mask", owner="us").data == b"a picture"
    origin.body, origin.etag, origin.headers = b"another", '"v2"', ("cache-control: max-age=60",)
    assert [fetcher.get(url, field="mask", owner="us").data for _ in range(3)] == [b"another"] * 3
    assert len(origin.asked) == 2


def test_a_304_for_another_picture_is_ignored(serve, fetcher):
    origin = Origin(("cache-control: no-cache",), etag='"v1"')
    url = serve(origin).url
    fetcher.get(url, field="mask", owner="us")
    origin.renewal = ('etag: "v2"',)
    assert fetcher.get(url, field="mask", owner="us").data == b"a picture"
    assert [b"if-none-match" in head.lower() for head in origin.asked] == [False, True, False]


def test_a_server_error_during_revalidation_fails_the_fetch(serve, fetcher):
    answers = iter([response(headers='etag: "1"\r\ncontent-length: 9\r\n'), response(b"", status="503 No")])

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            connection.sendall(next(answers))

    url = serve(answer).url
    fetcher.get(url, field="mask", owner="us")
    with pytest.raises(FetchError, match="answered 503") as caught:
        fetcher.get(url, field="mask", owner="us")
    assert caught.value.transient


@pytest.mark.parametrize(
    "cache_control",
    ["max-age=60", "private, max-age=60", "public, private, max-age=60", 'max-age=60, x="a, public, b"'],
)
def test_a_response_that_is_not_public_is_cached_for_its_key_only(cache_control, serve, fetcher):
    origin = Origin((f"cache-control: {cache_control}",))
    assert times_asked(origin, serve, fetcher, "us", "them", "us", "them") == 2


@pytest.mark.parametrize("cache_control", ["public, max-age=60", "max-age=60,PUBLIC"])
def test_a_public_response_is_cached_for_all_keys(cache_control, serve, fetcher):
    assert times_asked(Origin((f"cache-control: {cache_control}",)), serve, fetcher, "us", "them", "") == 1


def test_a_picture_that_is_no_longer_public_is_not_shared(serve, fetcher):
    origin = Origin(("cache-control: public, no-cache",), etag='"v1"', renewal=("cache-control: max-age=60",))
    assert times_asked(origin, serve, fetcher, "us", "us", "us") == 2
    assert times_asked(origin, serve, fetcher, "them") == 3


def test_without_an_owner_only_public_responses_are_cached(serve, fetcher):
    assert times_asked(Origin(("cache-control: max-age=60",)), serve, fetcher, "", "") == 2


def test_urls_that_differ_only_in_their_query_are_cached_separately(serve, fetcher):
    origin = Origin(("cache-control: public, max-age=60",))
    url = serve(origin).url
    for query in ("", "?v=1", "?v=2", "?v=1"):
        fetcher.get(url + query, field="mask", owner="us")
    assert len(origin.asked) == 3


def test_pages_and_failures_are_not_cached(serve, fetcher, folder):
    fields = "cache-control: public, max-age=60\r\ncontent-length: 9\r\n"
    for answer in (
        response(b"<p>gone</", headers=fields),
        response(status="404 Not Found", headers=fields),
        response(b"half", headers=fields),
    ):
        with pytest.raises(FetchError):
            fetcher.get(serve(says(answer, close=True)).url, field="mask", owner="us")
    assert not folder.exists()


def test_a_redirect_is_requested_each_time_and_its_target_is_cached(serve, fetcher):
    origin = Origin(("cache-control: public, max-age=60",))
    target = serve(origin)
    hops: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            hops.append(head)
            connection.sendall(redirects(target.url, "301 Moved Permanently"))

    start = serve(answer).url
    assert [fetcher.get(start, field="mask", owner="us").data for _ in range(3)] == [origin.body] * 3
    assert (len(hops), len(origin.asked)) == (3, 1)


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (replace(RULES, allow_hosts=("shop.com",)), "cannot be fetched from here"),
        (replace(RULES, allow_networks=()), "cannot be fetched from here"),
        (replace(RULES, ports="80"), "which is not allowed here"),
        (replace(RULES, max_bytes=5), "is larger than 5 bytes"),
    ],
)
def test_entries_stored_under_other_rules_are_not_found(now, text, serve, fetcher, folder):
    url = serve(Origin(("cache-control: public, max-age=60",))).url
    fetcher.get(url, field="mask", owner="us")
    with fetching(folder, now) as later, pytest.raises(FetchError, match=text):
        later.get(url, field="mask", owner="us")


def test_another_process_finds_a_cached_picture(serve, fetcher, folder):
    origin = Origin(("cache-control: max-age=60",))
    url = serve(origin).url
    fetcher.get(url, field="mask", owner="us")
    code = (
        "import sys; from pathlib import Path; from tests.worker.fetch.cache.conftest import fetching\n"
        "print(fetching(Path(sys.argv[1])).get(sys.argv[2], field='mask', owner='us').data.decode())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, folder, url], capture_output=True, text=True, check=True
    )
    assert printed.stdout == "a picture\n"
    assert len(origin.asked) == 1


def test_two_processes_that_fetch_at_once_both_succeed(serve, fetcher, folder):
    together = threading.Barrier(2)
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            asked.append(head)
            together.wait(60)
            connection.sendall(response(headers="cache-control: max-age=60\r\ncontent-length: 9\r\n"))

    url = serve(answer).url
    with ThreadPoolExecutor(2) as threads, fetching(folder) as other:
        both = list(threads.map(lambda each: each.get(url, field="mask", owner="us").data, (fetcher, other)))
    assert both == [b"a picture"] * 2
    assert fetcher.get(url, field="mask", owner="us").data == b"a picture"
    assert len(asked) == 2


def test_after_a_day_a_picture_is_fetched_again(serve, fetcher, folder):
    origin = Origin(("cache-control: max-age=31536000, immutable",), etag='"v1"')
    url = serve(origin).url
    fetcher.get(url, field="mask", owner="us")
    files = BoundedDirectory(folder, ROOM)
    name = only(folder).name
    head, body = read(files, name) or (b"", b"")
    files.write(name, json.dumps(json.loads(head) | {"since": time() - 86_401}).encode(), body)
    for _ in range(2):
        fetcher.get(url, field="mask", owner="us")
    assert [b"if-none-match" in head.lower() for head in origin.asked] == [False, False]


def test_the_day_starts_with_the_body_and_not_with_its_last_revalidation(serve, fetcher, folder):
    url = serve(Origin(("cache-control: no-cache",), etag='"v1"')).url
    since = set()
    for _ in range(2):
        fetcher.get(url, field="mask", owner="us")
        name = only(folder).name
        head, _body = read(BoundedDirectory(folder, ROOM), name) or (b"", b"")
        since.add(json.loads(head)["since"])
    assert len(since) == 1


def test_no_url_is_written_to_disk(serve, fetcher, folder):
    url = serve(Origin(("cache-control: public, max-age=60",))).url
    fetcher.get(f"{url}?signature=secret", field="mask", owner="our-key")
    file = only(folder)
    written = file.name.encode() + file.read_bytes()
    assert not any(text in written for text in (b"secret", b"cup.jpg", b"127.0.0.1", b"our-key"))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Simulates a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_cannot_be_written_causes_one_line_in_the_log(serve, fetcher, folder, caplog):
    caplog.set_level(logging.INFO)
    origin = Origin(("cache-control: max-age=60",), body=bytes(100_000))
    with largest_file(50_000):
        assert times_asked(origin, serve, fetcher, "us", "us") == 2
    assert [record.getMessage() for record in caplog.records if record.name == "superimpose.fetch"] == [
        "fetched inputs cannot be cached: [Errno 27] File too large"
    ]
    assert list(folder.iterdir()) == []


def test_an_unusable_cache_directory_fails_no_fetch(serve, folder, caplog):
    folder.parent.write_text("a file in the place of a folder")
    with fetching(folder) as fetcher:
        assert times_asked(Origin(("cache-control: max-age=60",)), serve, fetcher, "us", "us") == 2
    assert caplog.text.count("cannot be cached") == 1
