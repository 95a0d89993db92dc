"""Puts constants into the text of scripts: as arguments they would be sent and parsed with each call."""

import re
from collections.abc import Mapping

_Scalar = bool | int | float | str | bytes


def script(text: str, **constants: object) -> str:
    """The text with constants: numbers, ASCII texts, bytes, and lists and tables of these.

    Lists and tables become local variables. Other constants replace their names, as a variable takes time at
    each call, for itself and for each function that uses it.
    """
    inline = {name: _literal(value) for name, value in constants.items() if isinstance(value, _Scalar)}
    text = re.sub(r"\b[A-Z][A-Z_]+\b", lambda name: inline.get(name[0], name[0]), text)
    tables = constants.keys() - inline.keys()
    return "".join(f"local {name} = {_literal(constants[name])}\n" for name in sorted(tables)) + text


def _literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return "'{}'".format(value.replace("\\", r"\\").replace("'", r"\'"))
        case bytes():
            return "'{}'".format("".join(f"\\{byte:03d}" for byte in value))
        case Mapping():
            return "{{{}}}".format(", ".join(f"{name} = {_literal(each)}" for name, each in value.items()))
        case list() | tuple():
            return "{{{}}}".format(", ".join(map(_literal, value)))
    raise TypeError(f"cannot be written in Lua: {value!r}")
