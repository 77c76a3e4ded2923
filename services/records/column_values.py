"""Text and JSON as PostgreSQL can hold them.

A Python string may hold NUL and lone surrogates, which no text of PostgreSQL can. The column type `json` keeps them as
the escapes `\\u0000` and `\\ud800`; `text` and `jsonb` cannot, there they become U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime

from services.errors import InvalidInput
from services.text import column_text

storable = column_text
_SURROGATES = re.compile("[\ud800-\udfff]")


def exact_json(value: object) -> str:
    """For a column of type json: nothing is lost, save that a surrogate pair becomes the character it means.

    Raises InvalidInput for NaN and the infinities, which JSON does not have.
    """
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", _dumps(value))


def storable_json(value: object) -> str:
    """For a column of type jsonb: NUL and lone surrogates become U+FFFD. Raises InvalidInput as `exact_json`."""
    return storable(_ESCAPED_NUL.sub(lambda found: f"{found[1]}\ufffd", _dumps(value)))


_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def _dumps(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        raise InvalidInput(f"a value cannot be stored as JSON: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
