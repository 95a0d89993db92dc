"""Constants of scripts as lines of Lua: as arguments they would be sent and parsed with each call."""

from collections.abc import Mapping


def local(**constants: object) -> str:
    """A local variable each: numbers, texts in ASCII, bytes, lists and tables of these."""
    return "".join(f"local {name} = {_literal(value)}\n" for name, value in constants.items())


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
    raise TypeError(f"no Lua for {value!r}")
