"""The result of a request. Cheap to import: the rendering process does not load Redis."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Output:
    """The picture of a COMPLETED request; `token` is its public name, `path` its path in the store.

    `animated` names the inputs of which only the first frame was used; `warnings` explain deviations from
    the parameters.
    """

    token: str
    path: str
    content_type: str
    file_size: int
    width: int
    height: int
    animated: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def file_name(self) -> str:
        return f"{self.token}.{self.content_type.removeprefix('image/')}"
