"""Expiry, the timeout of v1, and requests shared by two API processes."""

import time
from datetime import datetime

import httpx
from redis import Redis

from tests.stack import KEY, await_http, empty_database, environment, free_port, running

LEFT_S = 1


def bring_forward(redis: Redis, expires_at: float) -> float:
    """Let what expires at that time expire in `LEFT_S`; returns the new time."""
    sooner = time.time() + LEFT_S
    for name in redis.scan_iter():
        at_ms = redis.pexpiretime(name)
        if abs(at_ms / 1000 - expires_at) < 1:
            redis.pexpireat(name, at_ms - int((expires_at - sooner) * 1000))
    return sooner


def test_record_result_and_picture_expire_together(service, samples):
    request_id = service.submit(**samples)
    assert service.finish(request_id).status_code == 200
    result = service.client.get(f"/v2/requests/{request_id}").json()
    places = (
        f"/v2/requests/{request_id}/status",
        f"/v2/requests/{request_id}",
        f"/v1/requests/{request_id}",
        result["output"],
    )
    assert {service.client.get(place).status_code for place in places} == {200}
    with Redis.from_url(service.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        expires_at = bring_forward(redis, datetime.fromisoformat(result["expires_at"]).timestamp())

    codes = {200}
    while codes != {404}:
        before = time.time()
        codes = {service.client.get(place).status_code for place in places}
        if time.time() < expires_at - 0.05:
            assert codes == {200}
        elif before > expires_at + 0.05:
            assert codes == {404}


def test_a_v1_timeout_is_a_504_whose_request_can_still_be_polled(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 3), tmp_path, sync_timeout_s=0.3)
    with running(env, workers=0) as stack:
        url = f"{stack.url}/samples"
        answer = stack.client.post(
            "/v1/superimpose", json={"base_image": f"{url}/cup.jpg", "overlay_image": f"{url}/logo.png"}
        )
        request_id = answer.json()["request_id"]
        queued = stack.status(request_id).json()
        later = [
            stack.status(stack.submit(base_image=f"{url}/cup.jpg", overlay_image=f"{url}/logo.png")).json()
            for _ in range(2)
        ]
        stack.start("worker")
        finished = stack.finish(request_id)

    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    assert queued["status"] == "QUEUED"
    assert queued["metrics"] == {}
    assert [queued["queue_position"], *[each["queue_position"] for each in later]] == [0, 1, 2]
    assert finished.status_code == 200


def test_api_processes_share_all_state(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 4), tmp_path)
    with running(env, workers=1) as stack:
        port = free_port()
        second = f"http://127.0.0.1:{port}"
        await_http(f"{second}/livez", stack.start("cli", "api", "--port", str(port)))
        with httpx.Client(base_url=second, headers={"x-api-key": KEY}, trust_env=False) as other:
            url = f"{stack.url}/samples"
            body = {"base_image": f"{url}/cup.jpg", "overlay_image": f"{url}/logo.png"}
            request_id = stack.submit(**body)
            stack.finish(request_id)
            result = other.get(f"/v2/requests/{request_id}").json()
            chained = {"base_image": result["output"], "overlay_image": f"{second}/samples/logo.png"}
            waited = other.post("/v1/superimpose", json=chained)

        assert result["status"] == "COMPLETED"
        assert result["output"].startswith(second)
        assert httpx.get(result["output"], trust_env=False).status_code == 200
        assert waited.status_code == 200
