"""BentoML's tasks: its own server, two worker processes, a queue in SQLite, which keeps the pictures too."""

from typing import Annotated

import bentoml
from bentoml.validators import ContentType

from benchmarks.end_to_end.peers import work


@bentoml.service(workers=2, traffic={"timeout": 600})
class Superimpose:
    """The service."""

    @bentoml.task
    def superimpose(
        self, base_image: str, overlay_image: str, image_format: str, function: str
    ) -> Annotated[bytes, ContentType("image/*")]:
        """Make a picture."""
        return work.make(
            work.Job(
                base_image=base_image,
                overlay_image=overlay_image,
                image_format=image_format,
                function=function,
            )
        )
