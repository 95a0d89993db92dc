"""`--manifest`: reads a file with one request per row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import typer
from pydantic import BaseModel, ValidationError

from cli.client.inputs import Input
from cli.output_files import SUFFIX, output_format
from cli.run.items import Item, RunOptions
from cli.run.rows import OUTPUT, Columns, Faults, Row, read_rows
from jobs.pictures.inputs import pictures


def read_manifest(file: Path, options: RunOptions, out_dir: Path) -> list[Item]:
    """An item for each row; its values override the options. Raises `typer.BadParameter`."""
    from api.submit_body import BODIES

    body = BODIES[options.model]
    faults = Faults(file)
    try:
        rows = read_rows(file, Columns(body), faults)
    except OSError as error:
        raise faults.fault(str(error.strerror)) from None
    manifest = _Manifest(file, options, out_dir, body, faults)
    items = [manifest.item(row) for row in rows]
    faults.refuse()
    return [item for item in items if item]


@dataclass
class _Manifest:
    file: Path
    options: RunOptions
    out_dir: Path
    body: type[BaseModel]
    faults: Faults
    names: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By lower-case name of a result: the name as written, and its line."""
    lines_by_id: dict[str, int] = field(default_factory=dict)

    def item(self, row: Row) -> Item | None:
        """None if the row has a fault, which is recorded."""
        own = {name: value for name, value in row.values.items() if name != OUTPUT}
        inputs = self._inputs(row.line, own)
        if inputs is None or not self._is_valid(row.line, own) or not self._is_unique(row.line, own):
            return None
        try:
            name, image_format = self._output(row, own, inputs)
        except typer.BadParameter as error:
            self.faults.add(row.line, OUTPUT, error.message)
            return None
        written, first = self.names.setdefault(name.lower(), (name, row.line))
        if first != row.line:
            self.faults.add(
                row.line, OUTPUT, f"would be {written!r} like line {first}: name one of them in {OUTPUT}"
            )
        if image_format:
            own["image_format"] = image_format
        json_fields = {"line": row.line, **{name: own[name] for name in ("custom_id",) if name in own}}
        return Item(f"{self.file}: line {row.line}, {name}", json_fields, self.out_dir / name, own, inputs)

    def _inputs(self, line: int, own: Mapping[str, Any]) -> dict[str, Input] | None:
        found, references = {}, pictures(own)
        for path, text in references.items():
            try:
                found[path] = Input.parse(text, "--manifest", self.file.parent)
            except typer.BadParameter as error:
                self.faults.add(line, path, error.message)
        return found if len(found) == len(references) else None

    def _is_valid(self, line: int, own: Mapping[str, Any]) -> bool:
        from api.http.validation import explain

        try:
            self.body.model_validate_json(json.dumps({**self.options.parameters, **own}))
        except ValidationError as error:
            for fault in explain(error, self.body):
                column = "" if fault["field"] in ("body", "parameters") else fault["field"]
                self.faults.add(line, column, fault["message"])
            return False
        return True

    def _is_unique(self, line: int, own: Mapping[str, Any]) -> bool:
        name = own.get("custom_id")
        first = line if name is None else self.lines_by_id.setdefault(name, line)
        if first != line:
            self.faults.add(line, "custom_id", f"{name!r} is already used in line {first}")
        return first == line

    def _output(
        self, row: Row, own: Mapping[str, Any], inputs: Mapping[str, Input]
    ) -> tuple[str, str | None]:
        """Name and format of the result. Raises `typer.BadParameter`."""
        from api.batches.names import safe_name

        requested = {**self.options.parameters, **own}.get("image_format")
        given = row.values.get(OUTPUT)
        if given is None:
            suffix = SUFFIX[requested or "jpeg"]
            name = own.get("custom_id") or _stem(inputs.get("base_image"), self.options)
            return safe_name(name.removesuffix(suffix)) + suffix, None
        if not isinstance(given, str) or not given or safe_name(given) != given:
            raise typer.BadParameter(f"{given!r} is not allowed: must be a file name, without a folder")
        image_format = output_format(Path(given), requested)
        return given if Path(given).suffix else given + SUFFIX[requested or "jpeg"], image_format


def _stem(base: Input | None, options: RunOptions) -> str:
    source = base or options.inputs["base_image"]
    path = PurePosixPath(unquote(urlsplit(source.url).path)) if source.file is None else source.file
    return path.stem
