"""The pages, and the blocks of code in them."""

import re
from dataclasses import dataclass
from pathlib import Path

from jobs.config import environment

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")]
    + list((ROOT / "docs").glob("*.md"))
)
OF_COMPOSE_ALONE = {name.removeprefix(environment.PREFIX).lower() for name in environment.OF_COMPOSE_ALONE}
"""Names in `.env` that only docker compose reads."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, its place, and its declared language."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order."""
    text = page.read_text()
    name = str(page.relative_to(ROOT))
    return [
        Block(name, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in FENCED.finditer(text)
    ]
