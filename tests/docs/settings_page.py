"""The tables of docs/settings.md, from the settings; `python -m tests.docs.settings_page` writes them."""

import re

from pydantic_core import PydanticUndefined

from jobs.config.environment import PREFIX
from jobs.config.setting_groups import Group
from jobs.config.settings import Settings
from tests.docs.pages import ROOT

PAGE = ROOT / "docs/settings.md"
TABLES = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- /settings -->)", re.DOTALL)
UNITS = {"GiB": 2**30, "MiB": 2**20}


def tables() -> str:
    return "".join(map(_table, Settings.groups())) + "\n"


def _table(group: type[Group]) -> str:
    rows = (
        f"| `{PREFIX}{name.upper()}{shown(name, field.default)}` | {field.description} |\n"
        for name, field in group.model_fields.items()
    )
    return f"\n## {group.__doc__}\n\n| variable, default | meaning |\n| --- | --- |\n{''.join(rows)}"


def shown(name: str, default: object) -> str:
    """Nothing where there is no default or the machine decides."""
    if default is PydanticUndefined or default in (None, "", (), False):
        return ""
    if name.endswith("_bytes") and isinstance(default, int):
        unit, size = next((unit, size) for unit, size in UNITS.items() if default % size == 0)
        return f" = {default // size} {unit}"
    return f"={','.join(default) if isinstance(default, tuple) else default}"


if __name__ == "__main__":
    PAGE.write_text(TABLES.sub(lambda _: tables(), PAGE.read_text()))
