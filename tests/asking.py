"""What clients ask for, without HTTP, and who works on it, without a worker."""

from typing import Any

from jobs.config.settings import Settings
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.output import Output
from jobs.submission import SubmitCommand

HERE = "http://here.example"
SAMPLES = {"base_image": f"{HERE}/samples/cup.jpg", "overlay_image": f"{HERE}/samples/logo.png"}

LEASE_OWNER = LeaseOwner("a-worker", "a-machine", "1 1")
"""Somebody elsewhere."""

OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)


def asked(settings: Settings, key_id: str, params: dict[str, Any] = SAMPLES, **more: Any) -> SubmitCommand:
    """A submit of these parameters, with the deadlines of the settings where nothing else is said."""
    return SubmitCommand(key_id, params, **{"origin": HERE, "deadlines": Deadlines.default(settings)} | more)
