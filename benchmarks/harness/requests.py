"""Creates and completes requests by the calls of API and worker, without running either."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any
from uuid import uuid4

from redis import Redis

from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest, create_script
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions

NEVER_FULL = {"max_waiting": 10**9, "max_waiting_per_key": 10**9, "start_timeout_s": 86_400}
PARAMS = {
    "base_image": "https://pictures.shop.example/catalogue/2026/spring/shirt-0123456789-front.jpg",
    "overlay_image": "https://pictures.shop.example/logos/customers/0123456789/logo.png",
    "rescale_factor": 0.4,
    "x_offset": 380,
    "y_offset": 300,
}
OUTPUT = Output(
    "y1R3HWsJK0mhD6w1_oUNEnxTTTNVdO5e", "outputs/20300101T0000/a", "image/jpeg", 119_325, 600, 400
)
STAGES = {"fetch": 0.0021, "decode": 0.0052, "compose": 0.0011, "encode": 0.0043, "store": 0.0003}
OWNER = LeaseOwner("a-worker", "a-machine", "1 1")


class Requests:
    """The requests of an existing key, or of a new one."""

    def __init__(self, redis: Redis, key_id: str = "", **settings: Any) -> None:
        self.settings = Settings(**NEVER_FULL, **settings)
        self._redis = redis
        self.transitions = Transitions(redis, self.settings)
        self.key_id = key_id or ApiKeys(redis).create("benchmark")[0].key_id

    def begin(self, params: Mapping[str, Any] = PARAMS, **more: Any) -> str:
        request_id = str(uuid4())
        self.transitions.create(NewRequest(request_id, self.key_id, params, **more))
        return request_id

    def submit_many(self, key_ids: Iterable[str]) -> None:
        """Create one request for each key id, a thousand per round trip."""
        create = self._redis.register_script(create_script())
        remaining = iter(key_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            while page := [NewRequest(str(uuid4()), each, PARAMS) for each in islice(remaining, 1000)]:
                for new in page:
                    create(args=new.args(self.settings), client=pipe)
                for new, reply in zip(page, pipe.execute(), strict=True):
                    new.created(self.settings, reply)

    def complete_next(self) -> None:
        [claim] = self.transitions.claim(OWNER)
        self.transitions.complete(claim.request_id, claim.attempt, OUTPUT, STAGES)
