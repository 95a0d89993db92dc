"""A response serves all requests that were accepted before it was requested, without revalidation."""

import json
from time import time

import pytest

from tests.worker.fetch.answers import Origin
from tests.worker.fetch.cache.conftest import ROOM, fetching, only, read
from worker.fetch import BoundedDirectory, Fetcher


def times_asked(origin: Origin, url: str, fetcher: Fetcher, *made: tuple[str, float]) -> int:
    """The number of requests to the server for these requests, given by key and acceptance time."""
    for owner, accepted_at in made:
        assert fetcher.get(url, field="mask", owner=owner, accepted_at=accepted_at).data == origin.body
    return len(origin.asked)


@pytest.mark.parametrize(
    "headers",
    [(), ("cache-control: max-age=0, must-revalidate",), ("cache-control: private, max-age=0",)],
)
def test_one_fetch_serves_all_requests_that_were_accepted_before_it(headers, serve, fetcher):
    origin, before = Origin(headers, etag='"v1"'), time() - 1
    url = serve(origin).url

    assert times_asked(origin, url, fetcher, ("us", before), ("us", before + 0.5), ("us", before)) == 1


def test_a_later_request_revalidates_for_itself_and_earlier_ones(serve, fetcher):
    origin, before = Origin(etag='"v1"'), time() - 1
    url = serve(origin).url
    times_asked(origin, url, fetcher, ("us", before))
    later = time() + 0.001  # after the first answer, to the millisecond that is kept

    while time() < later + 0.001:
        pass
    origin.body, origin.etag = b"another", '"v2"'
    assert times_asked(origin, url, fetcher, ("us", later), ("us", later), ("us", before)) == 2
    assert b'if-none-match: "v1"' in origin.asked[1].lower()


def test_a_304_serves_earlier_requests_as_well(serve, fetcher):
    origin = Origin(etag='"v1"')
    url = serve(origin).url
    times_asked(origin, url, fetcher, ("us", time()))
    later = time() + 0.001
    while time() < later + 0.001:
        pass

    assert times_asked(origin, url, fetcher, ("us", later), ("us", later), ("us", later)) == 2


@pytest.mark.parametrize(
    "headers",
    [
        ("cache-control: no-cache, max-age=60",),
        ('cache-control: max-age=0, no-cache="set-cookie"',),
        ("vary: *",),
        ("cache-control: no-store",),
        ("set-cookie: a=1",),
    ],
)
def test_a_response_for_one_request_is_fetched_by_each(headers, serve, fetcher):
    origin, before = Origin(headers, etag='"v1"'), time() - 1
    url = serve(origin).url

    assert times_asked(origin, url, fetcher, *[("us", before)] * 3) == 3


def test_a_response_serves_only_the_key_that_fetched_it(serve, fetcher):
    origin, before = Origin(etag='"v1"'), time() - 1
    url = serve(origin).url

    assert times_asked(origin, url, fetcher, ("us", before), ("them", before), ("us", before)) == 2


def test_another_process_uses_the_response_too(serve, fetcher, folder):
    origin, before = Origin(etag='"v1"'), time() - 1
    url = serve(origin).url
    times_asked(origin, url, fetcher, ("us", before))

    with fetching(folder) as other:
        assert times_asked(origin, url, other, ("us", before)) == 1


@pytest.mark.parametrize("asked", [{}, {"asked_ms": int(1000 * time()) + 3_600_000}])
def test_a_missing_or_future_time_of_revalidation_is_ignored(asked, serve, fetcher, folder):
    origin, before = Origin(etag='"v1"'), time() - 1
    url = serve(origin).url
    times_asked(origin, url, fetcher, ("us", before))
    files, name = BoundedDirectory(folder, ROOM), only(folder).name
    head, body = read(files, name) or (b"", b"")
    fields = json.loads(head)
    del fields["asked_ms"]
    files.write(name, json.dumps(fields | asked).encode(), body)

    assert times_asked(origin, url, fetcher, ("us", before)) == 2
    assert times_asked(origin, url, fetcher, ("us", before)) == 2
