"""The columns that a manifest may have, and what the text of a cell is."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

OUTPUT = "output"
NOT_COLUMNS = frozenset({"base64"})  # about the wire

WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"([+-]?\d*),(\d+)", re.ASCII)


class Columns:
    """Those of the requests that `model` checks, and the name of the file that comes out."""

    def __init__(self, model: type[BaseModel]) -> None:
        schemas = model.model_json_schema()["properties"]
        self._types = {name: _types(each) for name, each in schemas.items() if name not in NOT_COLUMNS}

    def __contains__(self, name: str) -> bool:
        return name == OUTPUT or name in self._types

    @property
    def known(self) -> str:
        return ", ".join([*self._types, OUTPUT])

    def read(self, name: str, text: str, has_comma: bool) -> Any:
        """What a cell of CSV says; `has_comma`: numbers may have a decimal comma. Raises ValueError."""
        types = self._types.get(name, frozenset({"string"}))
        if types & {"array", "object"}:
            return _json(text)
        if "boolean" in types:
            return _truth(text)
        plain = COMMA.sub(r"\1.\2", text) if has_comma and COMMA.fullmatch(text) else text
        if types & {"number", "integer"}:
            if NUMBER.fullmatch(plain):
                number = float(plain)
                return int(number) if number.is_integer() else number
            if "string" not in types:
                raise ValueError("must be a number")
        return text


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    """JSON's words for what a value may be."""
    kinds = [each.get("type", "object") for each in schema.get("anyOf", [schema])]
    return frozenset(kinds) - {"null"}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("must be JSON, such as [0.3, 0.3, 0.4, 0.4]") from None


def _truth(text: str) -> bool:
    try:
        return WORDS[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None
