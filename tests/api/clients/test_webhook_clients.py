"""Our events, verified by third-party libraries: accepted as sent, rejected if a byte differs."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import standardwebhooks.webhooks
from replicate.client import Client as Replicate
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret

from tests.node import node_with
from tests.stack import KEY, Stack, empty_database
from tests.webhooks.receiver import Got, receiving
from tests.webhooks.service import sending, submit

IN_NODE = """
import { Webhook, WebhookVerificationError } from "standardwebhooks";
const { secret, body, headers } = JSON.parse(process.argv[1]);
try {
  console.log(new Webhook(secret).verify(body, headers).type);
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
}
"""


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    with sending(empty_database(redis_socket, 7), tmp_path_factory.mktemp("clients")) as stack:
        yield stack


@pytest.fixture(scope="module")
def secret(stack: Stack) -> str:
    """The secret, read as Replicate's client does."""
    replicate = Replicate(KEY, base_url=stack.url, trust_env=False)
    key = replicate.webhooks.default.secret().key
    replicate._client.close()
    return key


@pytest.fixture(scope="module", params=["request.completed", "request.failed"])
def sent(request, stack: Stack, secret: str) -> Got:
    """One event as received, with non-ASCII text."""
    with receiving() as receiver:
        mask = {"mask": "bm8gcGljdHVyZQ=="} if request.param == "request.failed" else {}
        submit(stack, receiver.url, custom_id="tröja-4711 ☂", **mask)
        [got] = receiver.await_calls(1)
    assert json.loads(got.body)["type"] == request.param
    return got


def by_standardwebhooks(secret: str, sent: Got) -> bool:
    try:
        standardwebhooks.webhooks.Webhook(secret).verify(sent.body, dict(sent.headers))
    except standardwebhooks.webhooks.WebhookVerificationError:
        return False
    return True


def by_svix(secret: str, sent: Got) -> bool:
    import svix.webhooks  # imported late: takes a second, and every test process loads this file

    try:
        svix.webhooks.Webhook(secret).verify(sent.body, dict(sent.headers))
    except svix.webhooks.WebhookVerificationError:
        return False
    return True


def by_replicate(secret: str, sent: Got) -> bool:
    key = WebhookSigningSecret(key=secret)
    try:
        Webhooks.validate(headers=dict(sent.headers), body=sent.body.decode(), secret=key)
    except InvalidSignatureError:
        return False
    return True


def by_openai(secret: str, sent: Got) -> bool:
    import openai  # imported late, too

    client = openai.OpenAI(api_key="of no use here", webhook_secret=secret)
    try:
        client.webhooks.verify_signature(sent.body, sent.headers)
    except openai.InvalidWebhookSignatureError:
        return False
    return True


def by_standardwebhooks_in_node(secret: str, sent: Got) -> bool:
    node, folder = node_with("standardwebhooks")
    given = json.dumps({"secret": secret, "body": sent.body.decode(), "headers": dict(sent.headers)})
    command = [node, "--input-type=module", "--eval", IN_NODE, given]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout != ""


CHECKS: Mapping[str, Callable[[str, Got], bool]] = {
    check.__name__.removeprefix("by_"): check
    for check in (by_standardwebhooks, by_svix, by_replicate, by_openai, by_standardwebhooks_in_node)
}

FORGERIES: Mapping[str, Callable[[Got], Got]] = {
    "body": lambda sent: replace(sent, body=sent.body.replace(b"4711", b"4712")),
    "webhook-id": lambda sent: with_header(sent, "webhook-id", sent.message_id[:-1] + "x"),
    "webhook-timestamp": lambda sent: with_header(
        sent, "webhook-timestamp", str(int(sent.headers["webhook-timestamp"]) - 1)
    ),
    "webhook-signature": lambda sent: with_header(
        sent, "webhook-signature", swapped(sent.headers["webhook-signature"])
    ),
}


def with_header(sent: Got, name: str, value: str) -> Got:
    return replace(sent, headers={**sent.headers, name: value})


def swapped(signature: str) -> str:
    """With the first letter of its base64 changed."""
    return f"v1,{'B' if signature[3] == 'A' else 'A'}{signature[4:]}"


@pytest.mark.parametrize("library", CHECKS)
def test_a_library_accepts_the_event(library, secret, sent):
    assert CHECKS[library](secret, sent)


@pytest.mark.parametrize("forged", FORGERIES)
@pytest.mark.parametrize("library", CHECKS)
def test_a_library_rejects_a_changed_event(library, secret, sent, forged):
    forgery = FORGERIES[forged](sent)

    assert forgery != sent
    assert not CHECKS[library](secret, forgery)
