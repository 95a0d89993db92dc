"""The modules of the page as one script, so that a browser asks for one file instead of twenty.

Each module becomes a function that is called once, after those it imports. Two forms of import are known,
`import * as name` and `import { a, b as c }`, each on a line of its own, and exports of named declarations.
"""

import re
from collections.abc import Iterator, Mapping

IMPORT = re.compile(r'^import (?:\* as (?P<all>\w+)|\{(?P<some>[^}]*)\}) from "\./(?P<file>\w+\.js)";$', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.M)


def bundle(sources: Mapping[str, str], entry: str) -> str:
    """`entry` and all that it imports. Raises `KeyError` for an import of what is not in `sources`."""
    return "\n".join(_module(name, sources[name]) for name in dict.fromkeys(_ordered(sources, entry)))


def _ordered(sources: Mapping[str, str], name: str) -> Iterator[str]:
    """A module after those it imports; some more than once."""
    for found in IMPORT.finditer(sources[name]):
        yield from _ordered(sources, found["file"])
    yield name


def _module(name: str, source: str) -> str:
    exported = ", ".join(EXPORT.findall(source))
    body = EXPORT.sub("", IMPORT.sub(_binding, source))
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


def _binding(found: re.Match[str]) -> str:
    names = found["all"] or f"{{{found['some'].replace(' as ', ': ')}}}"
    return f"const {names} = {_variable(found['file'])};"


def _variable(name: str) -> str:
    return f"${name.removesuffix('.js')}"
