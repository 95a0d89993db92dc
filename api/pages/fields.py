"""The form of the playground: one field for each parameter, from the schema of the parameter model.

A field's default in the document is the parameter's default, so that the page can tell what was changed.
A new parameter shows up by itself, in the last group until it is named here.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from compositor.models.layer import LayerParams
from compositor.models.superimpose import SuperimposeRequest
from jobs.lifecycle.options import RequestOptions

PICTURES = ("overlay_image", "mask")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Place": ("x_offset", "y_offset", "gravity", "flip", "x_percent", "y_percent", "rotation"),
    "Size": ("overlay_resize", "rescale_factor", "width", "height", "scale_to", "scale_of", "resize_method"),
    "Look": ("blend_mode", "invert_mask", "opacity"),
    "Region": ("region", "region_fit"),
    "Warp": ("corners", "displacement_map", "displacement_x", "displacement_y"),
    "Tiles": ("tile", "tile_spacing"),
}
"""Of the selected layer. The colour stands in place of its picture."""

ANSWER = ("image_format", "background", "image_quality", "base64", "keep_copyright", "keep_icc_profile")
APART = {"base_image", "overlays", "color", *PICTURES}
OPEN = ("Place", "Size", "Look")
REST = "More"
SAMPLES: Mapping[str, str] = {
    "base_image": "cup",
    "overlay_image": "logo",
    "mask": "soft edge",
    "displacement_map": "ripples",
}
OPTIONAL = ("mask", "displacement_map")
SLIDER_SPAN = 360  # a wider range is too coarse on a slider

Schema = Mapping[str, Any]


def base() -> str:
    return _slot("base_image", _schemas()["base_image"]["description"])


def slots() -> str:
    """A layer's pictures, and its colour."""
    schemas = _schemas()
    pictures = [_slot(name, schemas[name]["description"]) for name in PICTURES]
    return "\n".join([_field("color", schemas["color"]), *pictures])


def groups() -> str:
    schemas = _schemas()
    known = {name for names in GROUPS.values() for name in names} | APART
    everything = {**GROUPS, REST: tuple(name for name in LayerParams.model_fields if name not in known)}
    return "\n".join(
        _group(title, [_part(name, schemas[name]) for name in names], title in OPEN)
        for title, names in everything.items()
        if names
    )


def answer() -> str:
    schemas = _schemas()
    known = {*ANSWER, *APART, *LayerParams.model_fields}
    names = (*ANSWER, *(name for name in schemas if name not in known))
    return _group("Answer", [_field(name, schemas[name]) for name in names], True)


def webhook() -> str:
    schemas = RequestOptions.model_json_schema()["properties"]
    return _group("Webhook", [_field("webhook_url", schemas["webhook_url"])], False)


def _schemas() -> Mapping[str, Schema]:
    schemas: Mapping[str, Schema] = SuperimposeRequest.model_json_schema()["properties"]
    return schemas


def _part(name: str, schema: Schema) -> str:
    return _slot(name, schema["description"]) if name in SAMPLES else _field(name, schema)


def _group(title: str, fields: Iterable[str], is_open: bool) -> str:
    return f"""<details class="group"{" open" if is_open else ""}>
<summary><h3>{title}</h3></summary>
<div class="fields">
{"".join(fields)}</div>
</details>"""


def _field(name: str, schema: Schema) -> str:
    rule = _rule(schema)
    kind, control = _control(name, rule, schema["default"])
    return f"""<div class="field {kind}" data-field="{name}">
<label for="p-{name}">{name}</label>
{control}
{_notes(name, schema["description"])}
</div>
"""


def _rule(schema: Schema) -> Schema:
    """The schema of a value that is not null."""
    return next((each for each in schema.get("anyOf", ()) if each["type"] != "null"), schema)


def _control(name: str, rule: Schema, default: Any) -> tuple[str, str]:
    if "enum" in rule:
        return "choice", _select(name, rule["enum"], default)
    if rule["type"] == "boolean":
        checked = {"checked": default or None}
        return "switch", _input(name, "checkbox", checked | {"data-kind": "boolean"})
    if rule["type"] == "array":
        return "list", _list(name, rule)
    if rule["type"] in ("number", "integer"):
        return _number(name, rule, default)
    if rule.get("pattern", "").startswith("^#"):
        companion = _companion(name, "color", {"value": "#ffffff"})
        return "colour", companion + _text(name, default, {"pattern": rule["pattern"].strip("^$")})
    return "text", _text(name, default, {})


def _number(name: str, rule: Schema, default: Any) -> tuple[str, str]:
    low, high = rule.get("minimum", rule.get("exclusiveMinimum")), rule.get("maximum")
    step = 1 if rule["type"] == "integer" else 0.01
    bounds = {"min": low, "max": high, "step": step, "value": default}
    rules = {"data-kind": rule["type"], "data-above": rule.get("exclusiveMinimum")}
    number = _input(name, "number", bounds | rules | {"placeholder": _empty(default)})
    slides = default is not None and "minimum" in rule and high - low <= SLIDER_SPAN
    return ("slider", _companion(name, "range", bounds) + number) if slides else ("number", number)


def _list(name: str, rule: Schema) -> str:
    """Numbers, or points as pairs of numbers, typed as text."""
    is_points = rule["items"]["type"] == "array"
    of = rule["items"]["items"] if is_points else rule["items"]
    kind = {"data-kind": "points" if is_points else "numbers", "data-count": rule["minItems"]}
    bounds = {"data-low": of["minimum"], "data-high": of["maximum"]}
    clear = (
        f'<button class="small quiet" type="button" data-unset="{name}" aria-label="No {name}">None</button>'
    )
    return (
        _input(name, "text", {**kind, **bounds, "placeholder": _empty(None), "spellcheck": "false"}) + clear
    )


def _select(name: str, words: Iterable[str], default: str) -> str:
    options = "".join(
        f"<option{' selected' if word == default else ''}>{escape(word)}</option>" for word in words
    )
    return f'<select id="p-{name}" name="{name}" data-kind="string"{_described(name)}>{options}</select>'


def _text(name: str, default: str | None, rules: Mapping[str, str]) -> str:
    text = {"data-kind": "string", "value": default, "placeholder": _empty(default)}
    return _input(name, "text", {**text, **rules})


def _empty(default: Any) -> str:
    return "unset" if default is None else "default"


def _input(name: str, type: str, attributes: Mapping[str, Any]) -> str:
    return f'<input id="p-{name}" name="{name}" type="{type}"{_attributes(attributes)}{_described(name)}>'


def _companion(name: str, type: str, attributes: Mapping[str, Any]) -> str:
    """A slider or colour picker for the same parameter; the page keeps the two in step."""
    return f'<input type="{type}" data-for="{name}" aria-label="{name}"{_attributes(attributes)}>'


def _attributes(attributes: Mapping[str, Any]) -> str:
    given = {name: value for name, value in attributes.items() if value is not None}
    return "".join(
        f" {name}" if value is True else f' {name}="{escape(str(value))}"' for name, value in given.items()
    )


def _described(name: str) -> str:
    return f' autocomplete="off" aria-describedby="p-{name}-hint p-{name}-error"'


def _notes(name: str, description: str) -> str:
    return (
        f'<p class="hint" id="p-{name}-hint">{escape(description)}</p>'
        f'<p class="error" id="p-{name}-error"></p>'
    )


def _slot(name: str, description: str) -> str:
    title = name.removesuffix("_image").replace("_", " ").capitalize()
    clear = _none("data-clear", title.lower()) if name in OPTIONAL else ""
    return f"""<div class="slot" data-field="{name}">
<canvas class="thumb" width="104" height="104" aria-hidden="true"></canvas>
<h3>{title}</h3><p class="about">none</p>
<div class="slot-buttons">
<input class="file" id="f-{name}" type="file" accept="image/*" aria-label="{title}: a file"{_described(name)}>
<label class="button small" for="f-{name}" aria-hidden="true">File</label>
<button class="small" type="button" data-url aria-expanded="false">URL</button>
<button class="small" type="button" data-sample>{SAMPLES[name].capitalize()}</button>{clear}
</div>
<input class="url" id="p-{name}" type="url" placeholder="https://…" aria-label="{title}: a URL"\
{_described(name)} spellcheck="false">
{_notes(name, description)}
</div>"""


def _none(action: str, of: str) -> str:
    return f'\n<button class="small quiet" type="button" {action} aria-label="No {of}">None</button>'
