"""The form of the playground, generated from the schemas of the models.

The value of each field in the HTML is the parameter's default, so that the page can tell what was changed.
A new model appears by itself. A new parameter appears in the last group until it is listed in `GROUPS`.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from compositor.models import DEFAULT_MODEL, MODELS
from compositor.models.parameters import OutputParams
from jobs.lifecycle.options import RequestOptions

PICTURES = ("overlay_image", "mask")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Place": ("x_offset", "y_offset", "gravity", "flip", "x_percent", "y_percent", "rotation", "mirror"),
    "Size": ("overlay_resize", "rescale_factor", "width", "height", "scale_to", "scale_of", "resize_method"),
    "Look": ("blend_mode", "invert_mask", "opacity", "bg_remove_model"),
    "Region": ("region", "region_fit"),
    "Warp": ("corners", "displacement_map", "displacement_x", "displacement_y"),
    "Tiles": ("tile", "tile_spacing"),
}
"""The parameters of a layer; a model may not have all of them. `color` is shown with the pictures."""

OUTPUT = ("image_format", "animation", "background", "image_quality", "base64", "keep_copyright")
UNGROUPED = {"base_image", "overlays", "color", *PICTURES}
OPEN = ("Place", "Size", "Look")
SAMPLES: Mapping[str, str] = {
    "base_image": "cup",
    "overlay_image": "logo",
    "mask": "soft edge",
    "displacement_map": "ripples",
}
OPTIONAL = ("mask", "displacement_map")
FOLDER = """
<input class="file" id="f-folder" type="file" webkitdirectory aria-label="Bases: a folder" autocomplete="off">
<label class="button small" for="f-folder" aria-hidden="true">Folder</label>"""
MAX_SLIDER_SPAN = 360  # a slider is too coarse for a wider range

Schema = Mapping[str, Any]


def base() -> str:
    return _slot("base_image", _schemas(DEFAULT_MODEL)["base_image"])


def choices() -> str:
    return "".join(_option(name, name == DEFAULT_MODEL) for name in MODELS)


def models() -> str:
    """A template with the fields of each model; the page shows one at a time."""
    return "\n".join(_model(name, _schemas(name)) for name in MODELS)


def _schemas(model: str) -> Mapping[str, Schema]:
    schemas: Mapping[str, Schema] = MODELS[model].model_json_schema()["properties"]
    return schemas


def _model(name: str, schemas: Mapping[str, Schema]) -> str:
    layered = " data-layered" if "overlays" in schemas else ""
    webhook = RequestOptions.model_json_schema()["properties"]["webhook_url"]
    return f"""<template data-model="{escape(name)}"{layered}>
<div id="layer">
<h2 class="layer-title" id="layer-title" data-of-layers>Layer</h2>
{_slots(schemas)}
<p class="aside drop">Or drop a file on a picture's row. A file dropped on the preview becomes the overlay; \
several files or a folder become bases.</p>
{_groups(schemas)}
</div>
{_output(schemas)}
{_group("Webhook", [_field("webhook_url", webhook)], False)}
</template>"""


def _slots(schemas: Mapping[str, Schema]) -> str:
    pictures = [_slot(name, schemas[name]) for name in PICTURES if name in schemas]
    return "\n".join([_field("color", schemas["color"]), *pictures] if "color" in schemas else pictures)


def _groups(schemas: Mapping[str, Schema]) -> str:
    grouped = {name for names in GROUPS.values() for name in names}
    known = grouped | UNGROUPED | OutputParams.model_fields.keys()
    groups = {**GROUPS, "More": tuple(name for name in schemas if name not in known)}
    return "\n".join(
        _group(
            title, [_slot_or_field(name, schemas[name]) for name in names if name in schemas], title in OPEN
        )
        for title, names in groups.items()
    )


def _output(schemas: Mapping[str, Schema]) -> str:
    names = (*OUTPUT, *(name for name in OutputParams.model_fields if name not in OUTPUT))
    return _group("Output", [_field(name, schemas[name]) for name in names if name in schemas], True)


def _slot_or_field(name: str, schema: Schema) -> str:
    return _slot(name, schema) if name in SAMPLES else _field(name, schema)


def _group(title: str, fields: Sequence[str], is_open: bool) -> str:
    if not fields:
        return ""
    return f"""<details class="group"{" open" if is_open else ""}>
<summary><h3>{title}</h3></summary>
<div class="fields">
{"".join(fields)}</div>
</details>"""


def _field(name: str, schema: Schema) -> str:
    kind, control = _control(name, _non_null(schema), schema.get("default"))
    return f"""<div class="field {kind}" data-field="{name}">
<label for="p-{name}">{name}</label>{_word_box(name, schema)}
{control}
{_notes(name, schema)}
</div>
"""


def _non_null(schema: Schema) -> Schema:
    return next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)


def _word_box(name: str, schema: Schema) -> str:
    """A checkbox for a parameter that accepts a word instead of a number, such as "keep"."""
    word = next((each["const"] for each in schema.get("anyOf", ()) if "const" in each), None)
    if word is None:
        return ""
    box = _companion(name, "checkbox", {"data-word": word, "autocomplete": "off"})
    return f'<label class="check">{box} {escape(word)}</label>'


def _control(name: str, schema: Schema, default: Any) -> tuple[str, str]:
    """The CSS class of the field, and its controls."""
    if "enum" in schema:
        return "choice", _select(name, schema["enum"], default)
    kind = schema.get("type")
    if kind == "boolean":
        checked = {"checked": default or None}
        return "switch", _input(name, "checkbox", checked | {"data-kind": "boolean"})
    if kind == "array" and "minItems" in schema:
        return "list", _list(name, schema)
    if kind in ("number", "integer"):
        return _number(name, schema, default)
    if schema.get("pattern", "").startswith("^#"):
        companion = _companion(name, "color", {"value": "#ffffff"})
        return "colour", companion + _text(name, default, {"pattern": schema["pattern"].strip("^$")})
    return "text", _text(name, default, {"maxlength": schema.get("maxLength")})


def _number(name: str, schema: Schema, default: Any) -> tuple[str, str]:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    step = 1 if schema["type"] == "integer" else 0.01
    bounds = {"min": low, "max": high, "step": step, "value": default}
    rules = {"data-kind": schema["type"], "data-above": schema.get("exclusiveMinimum")}
    number = _input(name, "number", bounds | rules | {"placeholder": _placeholder(default)})
    has_slider = None not in (default, schema.get("minimum"), high) and high - low <= MAX_SLIDER_SPAN
    return ("slider", _companion(name, "range", bounds) + number) if has_slider else ("number", number)


def _list(name: str, schema: Schema) -> str:
    """A text field for numbers, or for points as pairs of numbers."""
    is_points = schema["items"]["type"] == "array"
    number = schema["items"]["items"] if is_points else schema["items"]
    attributes = {
        "data-kind": "points" if is_points else "numbers",
        "data-count": schema["minItems"],
        "data-low": number["minimum"],
        "data-high": number["maximum"],
        "placeholder": _placeholder(None),
        "spellcheck": "false",
    }
    return _input(name, "text", attributes) + _none_button(f'data-unset="{name}"', name)


def _select(name: str, words: Iterable[str], default: str | None) -> str:
    unset = '<option value="" selected>unset</option>' if default is None else ""
    options = unset + "".join(_option(word, word == default) for word in words)
    return f'<select id="p-{name}" name="{name}" data-kind="string"{_described(name)}>{options}</select>'


def _option(word: str, is_default: bool) -> str:
    return f"<option{' selected' if is_default else ''}>{escape(word)}</option>"


def _text(name: str, default: str | None, rules: Mapping[str, Any]) -> str:
    attributes = {"data-kind": "string", "value": default, "placeholder": _placeholder(default)}
    return _input(name, "text", {**attributes, **rules})


def _placeholder(default: Any) -> str:
    return "unset" if default is None else "default"


def _input(name: str, type: str, attributes: Mapping[str, Any]) -> str:
    return f'<input id="p-{name}" name="{name}" type="{type}"{_attributes(attributes)}{_described(name)}>'


def _companion(name: str, type: str, attributes: Mapping[str, Any]) -> str:
    """A second control of the same parameter (slider, colour picker or checkbox), which the page syncs."""
    label = f"{name} {attributes.get('data-word', '')}".strip()
    return f'<input type="{type}" data-for="{name}" aria-label="{label}"{_attributes(attributes)}>'


def _attributes(attributes: Mapping[str, Any]) -> str:
    return "".join(
        f" {name}" if value is True else f' {name}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )


def _described(name: str) -> str:
    return f' autocomplete="off" aria-describedby="p-{name}-hint p-{name}-error"'


def _notes(name: str, schema: Schema) -> str:
    hint = escape(schema.get("description", ""))
    return f'<p class="hint" id="p-{name}-hint">{hint}</p><p class="error" id="p-{name}-error"></p>'


def _slot(name: str, schema: Schema) -> str:
    title = name.removesuffix("_image").replace("_", " ").capitalize()
    clear = _none_button("data-clear", title.lower()) if name in OPTIONAL else ""
    multiple, folder = (" multiple", FOLDER) if name == "base_image" else ("", "")
    return f"""<div class="slot" data-field="{name}">
<canvas class="thumb" width="104" height="104" aria-hidden="true"></canvas>
<h3>{title}</h3><p class="about">none</p>
<div class="slot-buttons">
<input class="file" id="f-{name}" type="file" accept="image/*"{multiple} aria-label="{title}: a file"\
{_described(name)}>
<label class="button small" for="f-{name}" aria-hidden="true">File</label>{folder}
<button class="small" type="button" data-url aria-expanded="false">URL</button>
<button class="small" type="button" data-sample>{SAMPLES[name].capitalize()}</button>{clear}
</div>
<input class="url" id="p-{name}" type="url" placeholder="https://…" aria-label="{title}: a URL"\
{_described(name)} spellcheck="false">
{_notes(name, schema)}
</div>"""


def _none_button(action: str, what: str) -> str:
    return f'\n<button class="small quiet" type="button" {action} aria-label="No {what}">None</button>'
