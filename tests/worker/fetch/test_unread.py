"""A cached picture that is decoded already is not read from disk, unless it turns out to be needed."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from compositor import File, Unread
from tests.worker.fetch.conftest import LOOPBACK, TLS, Serve
from tests.worker.fetch.origin import Origin
from worker.fetch import BoundedDirectory, Fetcher, FetchRules

FRESH = ("cache-control: max-age=60",)
ROOM = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def fetcher(folder: Path) -> Iterator[Fetcher]:
    rules = FetchRules(allow_networks=LOOPBACK, total_timeout_s=60)
    with Fetcher(rules, ssl_context=TLS, kept_in=BoundedDirectory(folder, ROOM)) as fetcher:
        yield fetcher


def get(fetcher: Fetcher, url: str, made_at: float = 0, sizes: list[int] | None = None) -> File:
    """The file for an owner who has decoded whatever was kept."""
    return fetcher.file(
        url,
        field="mask",
        owner="us",
        made_at=made_at,
        reserve=(sizes if sizes is not None else []).append,
        is_decoded=lambda owner, digest: owner == "us" and len(digest) == 32,
    )


def only(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


def test_it_takes_no_room_until_it_is_read(serve: Serve, fetcher: Fetcher) -> None:
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


def test_its_server_is_asked_about_it_as_about_any(serve: Serve, fetcher: Fetcher) -> None:
    origin = Origin(etag='"v1"')
    url = serve(origin).url
    for _ in range(3):
        file = get(fetcher, url, made_at=float("inf"))
    assert [b"if-none-match" in head.lower() for head in origin.asked] == [False, True, True]
    assert isinstance(file, Unread)

    origin.body, origin.etag = b"another", '"v2"'
    file = get(fetcher, url, made_at=float("inf"))

    assert not isinstance(file, Unread)
    assert file.data == b"another"


@pytest.mark.parametrize("harm", ["gone", "damaged", "replaced"])
def test_what_is_needed_after_all_and_not_kept_any_longer_is_fetched_again(
    harm: str, serve: Serve, fetcher: Fetcher, folder: Path
) -> None:
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

    assert file.data == origin.body
    assert file.digest == sha256(origin.body).digest()


def test_a_longer_head_is_written_with_the_body_it_is_about(
    serve: Serve, fetcher: Fetcher, folder: Path
) -> None:
    origin = Origin(etag='"v1"', renewal=("cache-control: max-age=60",))
    url = serve(origin).url
    get(fetcher, url, made_at=float("inf"))
    before = only(folder).stat().st_size

    get(fetcher, url, made_at=float("inf"))

    assert only(folder).stat().st_size > before
    assert fetcher.get(url, field="mask", owner="us") == origin.body
    assert len(origin.asked) == 2


def test_a_longer_head_of_a_body_that_is_gone_is_not_written(
    serve: Serve, fetcher: Fetcher, folder: Path
) -> None:
    class Late(Origin):
        def _answer(self, head: bytes) -> bytes:
            if b"if-none-match" in head.lower():
                only(folder).unlink()
            return super()._answer(head)

    origin = Late(etag='"v1"', renewal=("cache-control: max-age=60",))
    url = serve(origin).url
    get(fetcher, url, made_at=float("inf"))

    file = get(fetcher, url, made_at=float("inf"))

    assert isinstance(file, Unread)
    assert not list(folder.iterdir())
    assert file.data == origin.body
    assert len(origin.asked) == 3
