"""What is wrong with a value that was given, in words that say what is wanted, instead of those of the library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_WHOLE, _NUMBER, _FLAG = "must be a whole number", "must be a number", "must be true or false"
_WANTED: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "json_invalid": "is no JSON: {error}",
    "value_error": "{error}",
}
"""By the kind of error, with what the library knows of it."""


def wanted(error: Mapping[str, Any]) -> str:
    """What is wrong, to be said after the name of the value."""
    known, said = error.get("ctx", {}), _WANTED.get(error["type"])
    return said.format_map(known) if said and (known or "{" not in said) else str(error["msg"])


def all_wanted(errors: Iterable[Mapping[str, Any]]) -> str:
    """All that is wrong, after the names of the values; for one without a name, what is wanted alone."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))} {wanted(one)}".strip() for one in errors)
