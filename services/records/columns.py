"""The columns of the shared tables that are written, with their types, and text and JSON as PostgreSQL can hold them.

A Python string may hold NUL and lone surrogates, which no text of PostgreSQL can. The column type `json` keeps them as
the escapes `\\u0000` and `\\ud800`; `text` and `jsonb` cannot, there they become U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from services.errors import InvalidInput
from services.model import OURS, SESSION_DETAILS, SessionCategory, SessionStatus
from services.storable_text import column_text

TAGS, BILLABLE, BILLED = f"{OURS}tags", f"{OURS}billable", f"{OURS}billed"
"""Null: it has none, is billable, and not billed."""
_DATES = {"created_at": "timestamptz", "updated_at": "timestamptz"}
CLIENT: Mapping[str, str] = {"id": "uuid", "name": "text", "metadata": "jsonb", **_DATES}
PROJECT: Mapping[str, str] = {
    "id": "uuid",
    "client_id": "uuid",
    "name": "text",
    "repo": "text",
    "metadata": "jsonb",
    **_DATES,
}
SESSION: Mapping[str, str] = {
    "id": "uuid",
    "description": "text",
    "category": "public.session_category",
    "client_id": "uuid",
    "project_id": "uuid",
    **{detail.column: detail.column_type for detail in SESSION_DETAILS},
    "start_time": "timestamptz",
    "end_time": "timestamptz",
    "pauses": "jsonb",
    "total_pause_minutes": "integer",
    "status": "public.session_status",
    "notes": "text[]",
    "memory_id": "uuid",
    BILLABLE: "boolean",
    BILLED: "text[]",
    **_DATES,
}
SESSION_SET: Mapping[str, str] = {name: type_ for name, type_ in SESSION.items() if name not in ("id", *_DATES)}
"""Those of a session that an edit, an import or an undo sets."""


def is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _is_instant(value: object) -> bool:
    try:
        return isinstance(value, str) and (value in ("infinity", "-infinity") or bool(datetime.fromisoformat(value)))
    except ValueError:
        return False


FITS: Mapping[str, Callable[[object], bool]] = {
    "uuid": is_uuid,
    "text": lambda value: isinstance(value, str),
    "text[]": lambda value: isinstance(value, list) and all(one is None or isinstance(one, str) for one in value),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31,
    "boolean": lambda value: isinstance(value, bool),
    "timestamptz": _is_instant,
    "jsonb": lambda _: True,
    "public.session_category": lambda value: value in tuple(SessionCategory),
    "public.session_status": lambda value: value in tuple(SessionStatus),
}
"""What a column of a type takes, as JSON."""


def reference(column: str, row: str) -> str:
    """SQL of a column of a row from elsewhere; ids of clients and projects only as far as those exist."""
    for table in ("client", "project"):
        if column == f"{table}_id":
            return f"(SELECT x.id FROM public.{table}s x WHERE x.id = {row}.{column})"
    return f"{row}.{column}"


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
