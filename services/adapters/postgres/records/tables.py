"""Small tables whole, row by row, as an export writes them and an import brings them back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.text import storable_json
from services.errors import InvalidInput
from services.model import Action, Entity
from services.ports import NewChange

_KEYS: Mapping[str, str] = {
    "clients": "id",
    "projects": "id",
    "rejected_suggestions": "id",
    "user_settings": "key",
}
"""Tables of schema `public` and the column that orders them."""
_ENTITIES = {"clients": Entity.CLIENT, "projects": Entity.PROJECT}


class TableReads(Reads):
    """Whole rows."""

    async def all_rows(self, table: str, batch: int = 1000) -> AsyncIterator[list[Mapping[str, object]]]:
        key, last = _KEYS[table], ""
        while rows := await self._read(
            f"SELECT {key}::text AS key, to_jsonb({table}) AS row FROM public.{table} "
            f"WHERE {key}::text > :last ORDER BY {key}::text LIMIT :batch",
            last=last,
            batch=batch,
        ):
            last = rows[-1].key
            yield [row.row for row in rows]


class TableWrites(Writes):
    """Rows that are missing."""

    async def insert_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> list[NewChange]:
        """Inserts the rows that are not there yet, by id or name; gives those with a history as its rows.

        Raises InvalidInput for a table that is none of these, or a value that does not fit its column.
        """
        if table not in _KEYS:
            raise InvalidInput(f"{table!r} is no table that can be imported")
        if not rows:
            return []
        if table == "projects":
            rows = await self._of_known_clients(rows)
        inserted = await self._fetch(
            f"INSERT INTO public.{table} AS t SELECT * FROM jsonb_populate_recordset(NULL::public.{table}, "
            "CAST(:rows AS jsonb)) ON CONFLICT DO NOTHING RETURNING to_jsonb(t) AS row",
            {"rows": storable_json(list(rows))},
        )
        return [made_row(_ENTITIES[table], row.row) for row in inserted] if table in _ENTITIES else []

    async def _of_known_clients(self, rows: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
        """The projects, those of a client that is not there without it: so they stand when a client is deleted."""
        ids = [str(row["client_id"]) for row in rows if row.get("client_id")]
        there = await self._fetch(
            "SELECT id::text AS id FROM public.clients WHERE id = ANY(CAST(:ids AS uuid[]))", {"ids": ids}
        )
        known = {row.id for row in there}
        return [
            {**row, "client_id": row.get("client_id") if str(row.get("client_id")).lower() in known else None}
            for row in rows
        ]


def made_row(entity: Entity, row: Mapping[str, Any]) -> NewChange:
    """The history row of a client or project that an import made."""
    return NewChange(entity, str(row["id"]), Action.CREATED, None, {"row": row}, summary="imported")
