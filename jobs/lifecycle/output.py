"""The picture that a request ended as. Light, for the process that makes it knows nothing of Redis."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Output:
    """The picture of a COMPLETED request; `token` is its public name, `path` its place in the store.

    `animated` names the inputs of which only the first frame was used; `warnings` say what was not done as
    asked.
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
