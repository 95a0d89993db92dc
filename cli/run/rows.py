"""Reads the rows of a manifest: NDJSON, or CSV as spreadsheets write it."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import typer
from pydantic import BaseModel
from pydantic_core import from_json

OUTPUT = "output"
NOT_COLUMNS = frozenset({"base64"})  # concerns the API's response, not the picture

WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"([+-]?\d*),(\d+)", re.ASCII)


class Columns:
    """The fields of the request model, and `output`."""

    def __init__(self, model: type[BaseModel]) -> None:
        schemas = model.model_json_schema()["properties"]
        self._types = {name: _types(each) for name, each in schemas.items() if name not in NOT_COLUMNS}

    def __contains__(self, name: str) -> bool:
        return name == OUTPUT or name in self._types

    @property
    def known(self) -> str:
        return ", ".join([*self._types, OUTPUT])

    def read(self, name: str, text: str, has_comma: bool) -> Any:
        """The value of a CSV cell; `has_comma`: numbers may have a decimal comma. Raises ValueError."""
        types = self._types.get(name, frozenset({"string"}))
        if types & {"array", "object"}:
            try:
                return json.loads(text)
            except ValueError:
                raise ValueError("must be JSON, such as [0.3, 0.3, 0.4, 0.4]") from None
        if "boolean" in types:
            if text.lower() not in WORDS:
                raise ValueError("must be true or false")
            return WORDS[text.lower()]
        dotted = COMMA.sub(r"\1.\2", text) if has_comma and COMMA.fullmatch(text) else text
        if types & {"number", "integer"}:
            if NUMBER.fullmatch(dotted):
                number = float(dotted)
                return int(number) if number.is_integer() else number
            if "string" not in types:
                raise ValueError("must be a number")
        return text


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    """The JSON types that a schema allows, without null."""
    kinds = [each.get("type", "object") for each in schema.get("anyOf", [schema])]
    return frozenset(kinds) - {"null"}


SEPARATORS = ",;\t"
ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SHOWN_FAULTS = 20
SHOWN_LENGTH = 60


class Row(NamedTuple):
    line: int
    values: Mapping[str, Any]


class Faults:
    """Collects the faults of a manifest, to report them together."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._texts: list[str] = []

    def add(self, line: int, column: str, text: str) -> None:
        """`column` is empty for a fault of the whole line."""
        self._texts.append(f"line {line}{f', {column}' if column else ''}: {text}")

    def refuse(self) -> None:
        if self._texts:
            more = len(self._texts) - SHOWN_FAULTS
            rest = [f"and {more:,} more"] if more > 0 else []
            raise self.fault("; ".join([*self._texts[:SHOWN_FAULTS], *rest]))

    def fault(self, text: str) -> typer.BadParameter:
        return typer.BadParameter(f"{self._file}: {text}", param_hint="--manifest")


def read_rows(file: Path, columns: Columns, faults: Faults) -> list[Row]:
    """Raises OSError; `typer.BadParameter` if the file is not a table."""
    data = file.read_bytes()
    encoding = next((name for bom, name in ENCODINGS.items() if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise faults.fault(f"line {line} is not UTF-8: save it as CSV UTF-8") from None
    read = _read_json if text.lstrip().startswith(("{", "[")) else _read_csv
    rows = [*read(text, columns, faults)]
    if not rows:
        faults.refuse()
        raise faults.fault("has no rows")
    return rows


def _read_json(text: str, columns: Columns, faults: Faults) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = from_json(line)
        except ValueError as error:
            faults.add(number, "", f"must be one JSON object: {error}")
            continue
        if not isinstance(values, dict):
            faults.add(number, "", "must be one JSON object")
            continue
        for name in values:
            if name not in columns:
                faults.add(number, name[:SHOWN_LENGTH], f"is unknown; known are {columns.known}")
        yield Row(number, {name: value for name, value in values.items() if name in columns})


def _read_csv(text: str, columns: Columns, faults: Faults) -> Iterator[Row]:
    head = text.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names: list[str] | None = None
    line = 1
    try:
        for cells in lines:
            values = [cell.strip() for cell in cells]
            if not any(values):
                pass
            elif names is None:
                names = _names(values, line, columns, faults)
            else:
                yield Row(line, _typed(names, values, line, columns, faults, separator == ";"))
            line = lines.line_num + 1
    except csv.Error as error:
        raise faults.fault(f"line {line} is not CSV: {error}") from None


def _names(cells: list[str], line: int, columns: Columns, faults: Faults) -> list[str]:
    """The column names. Raises `typer.BadParameter` for unknown ones."""
    names = [*cells]
    while not names[-1]:  # spreadsheets also write empty columns beside the table
        names.pop()
    for place, name in enumerate(names):
        if not name:
            faults.add(line, f"column {place + 1}", "has no name")
        elif name not in columns:
            faults.add(line, name[:SHOWN_LENGTH], f"is not a column; known are {columns.known}")
        elif name in names[:place]:
            faults.add(line, name, "appears twice")
    faults.refuse()
    return names


def _typed(
    names: list[str], cells: list[str], line: int, columns: Columns, faults: Faults, has_comma: bool
) -> dict[str, Any]:
    if any(cells[len(names) :]):
        faults.add(line, "", f"has {len(cells)} cells for {len(names)} columns: quote those with a separator")
    values = {}
    for name, text in zip(names, cells, strict=False):
        try:
            if text:
                values[name] = columns.read(name, text, has_comma)
        except ValueError as error:
            shown = text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
            faults.add(line, name, f"{shown!r} is not allowed: {error}")
    return values
