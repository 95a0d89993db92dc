"""A cached picture that is already decoded is read from disk only if it is needed after all."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from compositor import File, Unread
from tests.worker.fetch.answers import Origin
from tests.worker.fetch.cache.conftest import only
from worker.fetch import Fetcher, FetchError

FRESH = ("cache-control: max-age=60",)


def get(fetcher: Fetcher, url: str, accepted_at: float = 0, sizes: list[int] | None = None) -> File:
    """The file for an owner all of whose cached files are decoded."""
    return fetcher.get(
        url,
        field="mask",
        owner="us",
        accepted_at=accepted_at,
        reserve=(sizes if sizes is not None else []).append,
        is_decoded=lambda owner, digest: owner == "us" and len(digest) == 32,
    )


def test_an_unread_file_reserves_nothing_until_it_is_read(serve, fetcher):
    origin, sizes = Origin(FRESH), list[int]()
    url = serve(origin).url
    first = get(fetcher, url)
    assert not isinstance(first, Unread)

    file = get(fetcher, url, sizes=sizes)

    assert isinstance(file, Unread)
    assert file.digest == sha256(origin.body).digest()
    assert sum(sizes) == 0
    assert file.data == origin.body
    assert len(origin.asked) == 1


def test_an_unread_file_is_revalidated_like_any_other(serve, fetcher):
    origin = Origin(etag='"v1"')
    url = serve(origin).url
    for _ in range(3):
        file = get(fetcher, url, accepted_at=float("inf"))
    assert [b"if-none-match" in head.lower() for head in origin.asked] == [False, True, True]
    assert isinstance(file, Unread)

    origin.body, origin.etag = b"another", '"v2"'
    file = get(fetcher, url, accepted_at=float("inf"))

    assert not isinstance(file, Unread)
    assert file.data == b"another"


@pytest.mark.parametrize("harm", ["gone", "damaged", "replaced"])
def test_an_unread_file_that_was_deleted_fails_this_attempt_when_it_is_read(harm, serve, fetcher, folder):
    origin = Origin(FRESH)
    url = serve(origin).url
    get(fetcher, url)
    file = get(fetcher, url)
    whole = only(folder).read_bytes()
    match harm:
        case "gone":
            only(folder).unlink()
        case "damaged":
            only(folder).write_bytes(whole[:-1] + b"?")
        case "replaced":
            only(folder).unlink()
            origin.body = b"another"
            fetcher.get(url, field="mask", owner="us")

    with pytest.raises(FetchError, match=r"^mask: .* changed while the request waited") as caught:
        _ = file.data

    assert caught.value.transient
    assert fetcher.get(url, field="mask", owner="us").data == origin.body


def test_a_head_that_grows_a_little_is_replaced_in_place(serve, fetcher, folder):
    origin = Origin(etag='"v1"', renewal=("age: 5",))
    url = serve(origin).url
    get(fetcher, url, accepted_at=float("inf"))
    before = only(folder).stat().st_ino

    for origin.renewal in (("age: 5",), ("age: 5000",)):
        assert isinstance(get(fetcher, url, accepted_at=float("inf")), Unread)

    assert only(folder).stat().st_ino == before
    assert len(origin.asked) == 3


def test_a_head_that_grows_too_much_causes_a_new_fetch(serve, fetcher, folder):
    origin = Origin(etag='"v1"', renewal=(f"cache-control: max-age=60, note={'a' * 2000}",))
    url = serve(origin).url
    get(fetcher, url, accepted_at=float("inf"))

    sizes: list[int] = []
    file = get(fetcher, url, accepted_at=float("inf"), sizes=sizes)

    assert not isinstance(file, Unread)
    assert file.data == origin.body
    assert sum(sizes) == len(origin.body)
    assert [b"if-none-match" in head.lower() for head in origin.asked] == [False, True, False]


def test_a_long_head_is_read_whole(serve, fetcher, folder):
    origin = Origin((f"cache-control: max-age=60, note={'a' * 2000}",))
    url = serve(origin).url
    get(fetcher, url)
    assert get(fetcher, url).data == origin.body
    assert len(origin.asked) == 1
    assert only(folder).stat().st_size > 1024


def test_a_look_up_leaves_no_file_open(serve, fetcher):
    url = serve(Origin(FRESH)).url
    get(fetcher, url)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        _ = get(fetcher, url).data
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_concurrent_fetches_reserve_nothing_for_an_unread_file(serve, fetcher):
    origin, sizes = Origin(etag='"v1"'), list[int]()
    url = serve(origin).url
    get(fetcher, url)
    with ThreadPoolExecutor(4) as threads:
        files = list(threads.map(lambda _: get(fetcher, url, float("inf"), sizes), range(4)))
    assert all(isinstance(file, Unread) for file in files)
    assert sum(sizes) == 0
