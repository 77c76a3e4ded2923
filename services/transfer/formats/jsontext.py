"""How JSON of any origin is decoded: no number, nesting or length in it costs more than it is worth."""

from __future__ import annotations

import json

MOST_BYTES = 1 << 26
"""Of one line or record: a text of the greatest length that a memory may have fits, whatever is escaped in it."""
TOO_LONG = f"longer than {MOST_BYTES >> 20} MiB"
TOO_DEEP = "nested too deeply"
_MOST_LEVELS = 100
_MOST_DIGITS = 40


def _integer(digits: str) -> int | str:
    """Longer numbers than any store can hold stay text; reading them would take time quadratic in their length."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


DECODER = json.JSONDecoder(parse_int=_integer)
"""The standard library's, which keeps lone surrogates; of a key that comes twice the last counts."""


def too_deep(value: object, levels: int = _MOST_LEVELS) -> bool:
    """True when the value is nested deeper than anything sensible."""
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(too_deep(one, levels - 1) for one in inner if isinstance(one, (dict, list)))
