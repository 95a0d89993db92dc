"""`locust -f loadtest/locustfile.py` run by hand."""

import re

from tests.build_products.loadtest.command import python
from tests.build_products.loadtest.two_faced import TwoFaced
from tests.in_thread import in_thread
from tests.stack import free_port

LOCUST = ("-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "-u1", "-t1s", "--stop-timeout=20s")


def test_it_uploads_the_pictures_and_measures():
    with in_thread(TwoFaced("http://127.0.0.1:9", well=99)) as host:
        done = python(*LOCUST, "--host", host.url, key="any")

    assert done.returncode == 0, done.stderr
    assert re.search(r"^request +end to end +[1-9]\d* +0\(", done.stdout + done.stderr, re.MULTILINE)
    assert host.asked["/upload-asset"] == 4


def test_a_dead_host_is_one_line():
    url = f"http://127.0.0.1:{free_port()}"

    done = python(*LOCUST, "--host", url, key="any")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"loadtest: no answer from {url}: ")
    assert "Traceback" not in done.stderr
