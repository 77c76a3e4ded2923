"""Small tables whole, row by row, as an export writes them and an import brings them back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.text import storable_json

_KEYS: Mapping[str, str] = {
    "clients": "id",
    "projects": "id",
    "rejected_suggestions": "id",
    "user_settings": "key",
}
"""Tables of schema `public` and the column that orders them."""


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

    async def insert_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> int:
        """Inserts the rows that are not there yet, by id or name; gives how many."""
        assert table in _KEYS
        if not rows:
            return 0
        if table == "projects":
            rows = await self._of_known_clients(rows)
        inserted = await self._fetch(
            f"INSERT INTO public.{table} SELECT * FROM jsonb_populate_recordset(NULL::public.{table}, "
            "CAST(:rows AS jsonb)) ON CONFLICT DO NOTHING RETURNING 1",
            {"rows": storable_json(list(rows))},
        )
        return len(inserted)

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
