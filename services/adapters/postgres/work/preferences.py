"""`user_settings`, and the views for other programs."""

from __future__ import annotations

import json

from services.adapters.postgres.database import fetch
from services.adapters.postgres.records.text import storable_json
from services.adapters.postgres.work.base import WorkTables

_SET = """
INSERT INTO public.user_settings (key, value) VALUES (:key, CAST(:value AS jsonb))
ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_TAKE_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('memoria_tui.refresh_work_views')) AS taken"


class PreferenceTable(WorkTables):
    """Settings that all programs share."""

    async def preferences(self) -> dict[str, object]:
        rows = await self._read("SELECT key, value::text AS value FROM public.user_settings")
        return {row.key: json.loads(row.value) for row in rows}

    async def set_preference(self, key: str, value: object) -> None:
        await self._write(_SET, key=key, value=storable_json(value))

    async def refresh_views(self) -> bool:
        """Takes seconds with a million sessions: never awaited by a person. False: another program is at it."""
        await self.require_schema()
        async with self._database.transaction() as connection:
            (turn,) = await fetch(connection, _TAKE_TURN)
            if turn.taken:
                await fetch(connection, "SELECT public.refresh_work_views()")
            return bool(turn.taken)
