"""The output of the benchmarks, and the inputs of contestants."""

import io
from collections import Counter
from itertools import cycle, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from redis import Redis

from benchmarks import scenes
from benchmarks.end_to_end.load import steady_per_s
from benchmarks.end_to_end.page import sections, targets
from benchmarks.end_to_end.parts import best_count
from benchmarks.end_to_end.results import Results, Run
from benchmarks.harness.clients import seed_file
from benchmarks.harness.figures import interleaved, median_ratio, percentile, write_section
from benchmarks.harness.requests import Requests
from benchmarks.seed import encode
from compositor import SuperimposeParams, superimpose
from jobs import keyspace
from jobs.keys.api_keys import ApiKeys

RUN = ("at", "commit", "machine", "load", "redis", "versions")


def test_a_new_run_only_replaces_its_own_part(tmp_path: Path) -> None:
    page, text = tmp_path / "page.md", "# Title\n\nkept\n\n<!-- a -->\nfirst\n<!-- /a -->\n\nkept too\n"
    page.write_text(text)
    write_section(page, "<!-- a -->", "<!-- /a -->", "second")
    assert page.read_text() == text.replace("first", "second")


def test_a_page_without_the_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n")
    with pytest.raises(ValueError, match="no place for figures"):
        write_section(page, "<!-- a -->", "<!-- /a -->", "figures")


def test_rounds_alternate_their_order_and_drop_the_warm_up() -> None:
    turns = []
    samples = interleaved({name: lambda name=name: turns.append(name) or len(turns) for name in "ab"}, 2)
    assert turns == ["a", "b", "b", "a", "a", "b"]
    assert samples == {"a": [4, 5], "b": [3, 6]}


def test_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile([4, 1, 3, 2], percent) for percent in (50, 75, 99)] == [2, 3, 4]


def test_ratios_are_taken_within_rounds() -> None:
    assert median_ratio([10, 100, 1000], [20, 200, 1000]) == 0.5


def test_every_target_is_listed_even_if_not_measured(tmp_path: Path) -> None:
    listed = targets(Results(tmp_path / "none.json", {}))
    assert len(listed) == 11
    assert {target.met for target in listed} == {None}


def test_a_missed_target_is_reported(tmp_path: Path) -> None:
    results = Results(tmp_path / "some.json", {})
    results.add("origins", round=0, at_once=100.0, delayed=79.0, beside=95.0)
    assert [(each.figure, each.met) for each in targets(results) if each.figure] == [
        ("0.79", False),
        ("0.95", True),
    ]


def test_rounds_in_which_the_bare_loop_did_not_have_the_cores_are_left_out(tmp_path: Path) -> None:
    results = Results(tmp_path / "some.json", {"run": dict.fromkeys(RUN, "x")})
    about = {"format": "jpeg", "cached": False, "workers": 3, "cores": 2, "cpu_ms": 16.0, "bare_cpu_ms": 12.5}
    results.add("drained", **about, round=0, per_s=120.0, bare_per_s=150.0)
    results.add("drained", **about, round=1, per_s=120.0, bare_per_s=60.0)
    measured = [(each.figure, each.met) for each in targets(results) if each.figure]
    assert measured == [("0.80", True), ("3.5 ms", False)]
    assert "Left out: 1 of 2 measurements" in sections(results)


def test_the_page_names_each_contestants_best_number_of_workers(tmp_path: Path) -> None:
    results = Results(tmp_path / "some.json", {"run": dict.fromkeys(RUN, "x")})
    results.add("contestants", name="arq", label="arq", versions="arq 1")
    run = Run(None, "", results, 1, 1)
    assert best_count(run, "arq", {1: 5.0, 2: 9.0, 3: 7.0, 4: 6.0}.__getitem__) == 2
    results.add("rates", round=1, contestant="arq", workload="seed-jpeg", per_s=9.5, cpu_ms=20, redis_ms=1)
    page = sections(results)
    assert "x, arq 1." in page
    assert "| arq | 2 |  | 9.5 |" in page
    assert "| arq | 20.0+1.0 |" in page


def test_the_steady_pace_leaves_out_the_start_and_the_tail_of_late_jobs(redis: Redis) -> None:
    ends_ms = {0: 100, 1: 1_100, 19: 90_000} | {number: 2_000 + 100 * number for number in range(2, 19)}

    class Client:
        pids = (0,)

        def __init__(self) -> None:
            self.redis = redis

        def submit(self, number: int) -> str:
            record = {"status": "COMPLETED", "finished_at": ends_ms[number]}
            redis.hset(keyspace.request(str(number)), mapping=record)
            return str(number)

    assert steady_per_s(Client(), range(20), frozenset({19})) == pytest.approx(10)


def test_requests_submitted_in_bulk_equal_single_ones(redis: Redis) -> None:
    keys = [ApiKeys(redis).create(name)[0].key_id for name in "ab"]
    requests = Requests(redis, keys[0])
    requests.submit_many(islice(cycle(keys), 1_001))
    waiting = [
        redis.hget(keyspace.request(each.decode()), "key_id")
        for each in redis.zrange(keyspace.WAITING, 0, -1)
    ]
    assert Counter(waiting) == {keys[0].encode(): 501, keys[1].encode(): 500}
    requests.complete_next()


def test_variations_of_an_input_have_different_bytes_and_the_same_picture() -> None:
    inputs = [[b"".join(seed_file(f"{kind}-{number}")) for kind in ("base", "logo")] for number in (1, 2)]
    (one_base, one_logo), (other_base, other_logo) = inputs
    assert one_base != other_base
    assert one_logo != other_logo
    one, other = (superimpose(*each, SuperimposeParams()).data for each in inputs)
    assert one == other


def test_an_animation_keeps_its_frames_with_and_without_a_logo() -> None:
    base, logo = scenes.moving_window(5, (120, 90)), scenes.overlays(40)[0]
    animations = [
        Image.open(io.BytesIO(each)) for each in (scenes.with_logo(base, logo), scenes.transcode(base))
    ]
    assert [(film.n_frames, film.size) for film in animations] == [(5, (120, 90))] * 2


def test_each_of_five_layers_changes_the_picture() -> None:
    base, logos = encode(Image.new("RGB", (1024, 1024)), "PNG"), scenes.overlays(256)
    pictures = [scenes.scene(base, logos[:count], 1, None) for count in range(1, 6)]
    covered = [int((np.asarray(Image.open(io.BytesIO(each))) > 32).any(axis=2).sum()) for each in pictures]
    assert all(after > before + 20_000 for before, after in pairwise(covered))


@pytest.mark.parametrize("kind", ["still", "animation"])
def test_the_scenes_of_the_memory_benchmark_render(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "LARGE", (80, 60))
    monkeypatch.setattr(scenes, "LARGE_FRAME", (40, 30))
    monkeypatch.setattr(scenes.resource, "setrlimit", lambda *_: None)
    assert scenes.peak_of(kind, 2**32) < 200
