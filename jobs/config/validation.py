"""Translates Pydantic's error messages for users."""

import re

from pydantic_core import ErrorDetails

_SUBJECT = re.compile(r"^(?:Input|String|Value|Tuple|List|Set|Data|Decimal) should ")
_REASON = re.compile(r", (?:unable to|got a number|exceeded|not \d).*$| after validation.*$")
_BY_TYPE = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing_size": "must be a smaller integer",
    "list_type": "must be a list",
    "string_type": "must be a string",
}


def rule(detail: ErrorDetails) -> str:
    """The rule that the value breaks, such as `must be less than or equal to 1`."""
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "string_pattern_mismatch" and detail["ctx"]["pattern"].startswith("^#"):
        return "must be a colour, #rgb or #rrggbb"
    if detail["type"] in _BY_TYPE:
        return _BY_TYPE[detail["type"]]
    return plain(detail["msg"])


def plain(message: str) -> str:
    """A message of Pydantic without its own terms."""
    return _SUBJECT.sub("must ", _REASON.sub("", message)).removeprefix("Value error, ")
