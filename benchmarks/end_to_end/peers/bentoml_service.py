"""BentoML's tasks: its own server and worker processes, a queue in SQLite, which stores the pictures too."""

import os
from typing import Annotated, Any

import bentoml
from bentoml.validators import ContentType

from benchmarks.end_to_end.peers import work


@bentoml.service(workers=int(os.environ["BENCH_WORKERS"]), traffic={"timeout": 600})
class Superimpose:
    @bentoml.task
    def superimpose(
        self, base_image: str, overlay_image: str, image_format: str, function: str
    ) -> Annotated[bytes, ContentType("image/*")]:
        asked: dict[str, Any] = {"image_format": image_format, "function": function}
        return work.make(work.Job(base_image=base_image, overlay_image=overlay_image, **asked))
