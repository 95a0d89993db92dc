"""docs/webhooks.md: its receivers accept only what we sign, and its numbers are the code's."""

import json
import re
import subprocess
import sys
import time
from base64 import b64encode

import pytest

from jobs.keys.api_keys import OVERLAP_S
from jobs.webhooks.deliveries import MAX_ATTEMPTS_SHOWN, State
from jobs.webhooks.rules import MAX_URL_LENGTH
from jobs.webhooks.schedule import LEASE_S, RETRY_AFTER_S
from jobs.webhooks.secrets import sign
from tests.docs.pages import ROOT, Block, blocks
from tests.node import node_with
from webhooks.attempt import JITTER, TIMEOUT_S
from webhooks.connections import CONNECT_S

PAGE = ROOT / "docs/webhooks.md"
TEXT = PAGE.read_text()
RECEIVERS = [block for block in blocks(PAGE) if "receive(headers" in block.text]
SECRET, OTHER = (f"whsec_{b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))
ID = "msg_5476801e1a3144758dbb58e6b9ddfa68_completed"
BODY = json.dumps({"type": "request.completed", "request_id": "5476801e", "custom_id": "tröja ☂"})


def answer(receiver: Block, body: str, *secrets: str, age_s: int = 0) -> str:
    """The status that a receiver of the page returns for a body signed with these secrets."""
    at = int(time.time()) - age_s
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(sign(secret, ID, at, BODY.encode()) for secret in secrets),
    }
    if receiver.language == "js":
        node, folder = node_with("standardwebhooks")
        call = f"console.log(receive({json.dumps(headers)}, {json.dumps(body)}));"
        command = [node, "--input-type=module", "--eval", receiver.text + call]
    else:
        folder = ROOT
        call = f"print(receive({headers!r}, {body!r}.encode()))"
        command = [sys.executable, "-c", receiver.text + call]
    env = {"WEBHOOK_SECRET": SECRET, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_there_are_receivers_in_two_languages_and_one_without_a_library():
    assert [block.language for block in RECEIVERS] == ["python", "js", "python"]
    *_, without_library = RECEIVERS
    body = without_library.text.partition("def receive")[2]
    assert len(body.splitlines()) <= 10
    assert "standardwebhooks" not in without_library.text


@pytest.mark.parametrize("receiver", RECEIVERS, ids=str)
def test_a_receiver_accepts_what_we_sign(receiver):
    assert answer(receiver, BODY, SECRET) == "204"
    assert answer(receiver, BODY, OTHER, SECRET) == "204"  # while the secret is rotated


@pytest.mark.parametrize("receiver", RECEIVERS, ids=str)
def test_a_receiver_refuses_a_changed_byte_another_secret_and_an_old_event(receiver):
    assert answer(receiver, BODY.replace("5476801e", "5476801f"), SECRET) == "400"
    assert answer(receiver, BODY, OTHER) == "400"
    assert answer(receiver, BODY, SECRET, age_s=600) == "400"


def test_the_numbers_of_the_page_are_the_codes():
    waits = [f"{wait} s" if wait < 60 else wait // 60 for wait in RETRY_AFTER_S if wait < 3600]
    hours = [wait // 3600 for wait in RETRY_AFTER_S if wait >= 3600]
    minutes = [each for each in waits if isinstance(each, int)]
    text = " ".join(TEXT.split())

    assert f"{waits[0]}, {waits[1]}, {', '.join(map(str, minutes))} minutes, " in text
    assert f" minutes, {', '.join(map(str, hours[:-1]))} and {hours[-1]} hours " in text
    assert JITTER == 0.2
    assert "each up to a fifth sooner or later" in text
    assert f"none within {TIMEOUT_S:g} s; no connection within {CONNECT_S:g} s" in text
    assert f"at most {MAX_URL_LENGTH:,} characters" in text
    assert f"the last {MAX_ATTEMPTS_SHOWN} attempts" in text
    assert f'{{"overlap_s": {OVERLAP_S}}}' in text
    assert f"after {LEASE_S} s" in text
    assert set(State) <= set(re.findall(r"`(\w+)`", text))
