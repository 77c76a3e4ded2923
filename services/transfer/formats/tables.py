"""Rows of the small tables and of work sessions in our own export: what their columns may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from services.model import SessionCategory, SessionStatus
from services.text import quoted
from services.transfer.formats.record_reading import canonical_id, date_of

_MOST_NAME = 500
"""Characters of a name: an index of PostgreSQL holds no more than about 2,700 bytes."""
_MOST_MINUTES = 10_000_000
_MOST_SECONDS = 2**31 - 1
Check = Callable[[object], bool]


def _uuid(value: object) -> bool:
    return canonical_id(value) is not None


def _date(value: object) -> bool:
    return date_of(value) is not None


def _text(value: object) -> bool:
    return isinstance(value, str)


def _name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_NAME


def _number(value: object) -> bool:
    return isinstance(value, int) and -(2**31) <= value < 2**31


def _minutes(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= _MOST_MINUTES


def _mapping(value: object) -> bool:
    return isinstance(value, dict)


def _list(value: object) -> bool:
    return isinstance(value, list)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_text, value))


_STAMPS: Mapping[str, Check] = {"created_at": _date, "updated_at": _date}
_COLUMNS: Mapping[str, Mapping[str, Check]] = {
    "clients": {"id": _uuid, "name": _name, "metadata": _mapping, **_STAMPS},
    "projects": {"id": _uuid, "name": _name, "client_id": _uuid, "repo": _name, "metadata": _mapping, **_STAMPS},
    "rejected_suggestions": {
        "id": _uuid,
        "source_id": _uuid,
        "target_id": _uuid,
        "relation_type": _name,
        "rejected_at": _date,
    },
    "user_settings": {"key": _name, "value": lambda value: True, "updated_at": _date},
    "work_sessions": {
        "id": _uuid,
        "description": _text,
        "start_time": _date,
        "category": lambda value: value in set(SessionCategory),
        "status": lambda value: value in set(SessionStatus),
        "end_time": _date,
        "client": _name,
        "project": _name,
        "client_id": _uuid,
        "project_id": _uuid,
        "memory_id": _uuid,
        "issue_number": _number,
        "pr_number": _number,
        "branch": _text,
        "pauses": _list,
        "total_pause_minutes": _minutes,
        "notes": _texts,
        **_STAMPS,
    },
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "clients": ("id", "name"),
    "projects": ("id", "name"),
    "rejected_suggestions": ("id", "source_id", "target_id", "relation_type"),
    "user_settings": ("key", "value"),
    "work_sessions": ("id", "description", "start_time"),
}


def misfit(table: str, row: Mapping[str, object]) -> str | None:
    """Why a row cannot stand in its table; None when it can. Columns that the table does not have are nobody's."""
    for column, check in _COLUMNS[table].items():
        value = row.get(column)
        if value is None and column in _REQUIRED[table]:
            return f"a row of {table} without {column}"
        if value is not None and not check(value):
            return f"a row of {table} whose {column} cannot be {quoted(value)}"
    start, end = date_of(row.get("start_time")), date_of(row.get("end_time"))
    if start and end and abs((_aware(end) - _aware(start)).total_seconds()) > _MOST_SECONDS:
        return f"a row of {table} that lasts longer than a life"
    return None


def _aware(date: datetime) -> datetime:
    return date if date.tzinfo else date.replace(tzinfo=UTC)
