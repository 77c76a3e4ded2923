"""`user_settings`: settings that all programs share."""

from __future__ import annotations

import json

from services.ports import SqlDatabase
from services.records.columns import storable_json

_SET = """
INSERT INTO public.user_settings (key, value) VALUES (:key, CAST(:value AS jsonb))
ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""


class UserSettings:
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def all(self) -> dict[str, object]:
        rows = await self._database.fetch("SELECT key, value::text AS value FROM public.user_settings")
        return {row.key: json.loads(row.value) for row in rows}

    async def set(self, key: str, value: object) -> None:
        await self._database.write(_SET, key=key, value=storable_json(value))
