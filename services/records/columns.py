"""The columns of the shared tables that are written, with their types, in the order of an archive's rows.

`duration_minutes` of a session makes itself.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    "issue_number": "integer",
    "pr_number": "integer",
    "branch": "text",
    "start_time": "timestamptz",
    "end_time": "timestamptz",
    "pauses": "jsonb",
    "total_pause_minutes": "integer",
    "status": "public.session_status",
    "notes": "text[]",
    "memory_id": "uuid",
    **_DATES,
}
SESSION_SET: Mapping[str, str] = {name: type_ for name, type_ in SESSION.items() if name not in ("id", *_DATES)}
"""Those of a session that an edit, an import or an undo sets."""


def reference(column: str, row: str) -> str:
    """SQL of a column of a row from elsewhere; ids of clients and projects only as far as those exist."""
    for table in ("client", "project"):
        if column == f"{table}_id":
            return f"(SELECT x.id FROM public.{table}s x WHERE x.id = {row}.{column})"
    return f"{row}.{column}"
