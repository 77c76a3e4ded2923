"""Health of the database and the settings that MCP Memoria keeps in it."""

from __future__ import annotations

import time
from datetime import datetime

from services.adapters.postgres import schema
from services.adapters.postgres.database import fetch
from services.adapters.postgres.records.base import Reads
from services.adapters.postgres.work.rows import OPEN, stored_session
from services.errors import MemoriaError, StoreTimeout
from services.model import StoreKind, StoreStatus
from services.ports import Pulse
from services.times import writer_zone

_EXACT_UP_TO = 20_000
"""Rows that are counted one by one; beyond, PostgreSQL's own estimate is given."""
_COUNTED = {
    "relations": "public.memory_relations",
    "sessions": "public.work_sessions",
    "changes": "memoria_tui.audit_log",
    "pending": "memoria_tui.embedding_schedule",
}

_PULSE = """
SELECT waiting.number AS pending, waiting.due, session.*
FROM ({waiting}) AS waiting LEFT JOIN ({open}) AS session ON true
ORDER BY session.start_time, session.id
"""
_WAITING = """
SELECT count(*) AS number, COALESCE(min(next_attempt) <= :now, false) AS due FROM memoria_tui.embedding_schedule
"""
_NOTHING_WAITS = "SELECT 0 AS number, false AS due"


class HealthReads(Reads):
    """Is it there, which version, how much does it hold."""

    async def user_settings(self) -> dict[str, object]:
        rows = await self._read("SELECT key, value FROM public.user_settings")
        return {row.key: row.value for row in rows}

    async def status(self) -> StoreStatus:
        """Never raises: what is wrong stands in `problems`. Counts above 20,000 are estimates."""
        try:
            if self._database.embedded is not None:
                await self.require_schema()
            return await self._status()
        except MemoriaError as error:
            return StoreStatus(
                StoreKind.POSTGRES,
                ok=False,
                label=self._database.label,
                problems=(str(error),),
                silent=isinstance(error, StoreTimeout),
            )

    async def pulse(self, now: datetime) -> Pulse:
        """What waits and who works, in one round trip, also in a database without our additions.

        Raises StoreUnavailable.
        """
        await self._require_readable()
        waiting = _NOTHING_WAITS if self.bare else _WAITING
        rows = await self._read(_PULSE.format(waiting=waiting, open=OPEN), now=now)
        if not rows:  # a database without any table
            return Pulse(0, False, ())
        zone = writer_zone(self._settings)
        sessions = tuple(stored_session(row, zone, now).session for row in rows if row.id is not None)
        return Pulse(rows[0].pending, rows[0].due, sessions)

    async def _status(self) -> StoreStatus:
        async with self._database.connection() as connection:
            await connection.get_raw_connection()
            begin = time.perf_counter()
            state = await schema.schema_state_on(connection)
            latency_ms = (time.perf_counter() - begin) * 1000
            counts = {}
            tables = {name: table for name, table in _COUNTED.items() if table in state.tables - state.unreadable}
            if tables:
                (row,) = await fetch(connection, "SELECT " + ", ".join(_count(*table) for table in tables.items()))
                counts = {name: int(getattr(row, name)) for name in tables}
        problems = schema.problems(state, self._database.name)
        return StoreStatus(
            StoreKind.POSTGRES,
            ok=not state.too_new and not state.too_old_server,
            label=self._database.label,
            version=state.server_version,
            latency_ms=latency_ms,
            counts=counts,
            estimated=frozenset(name for name, count in counts.items() if count >= _EXACT_UP_TO),
            problems=problems,
            read_only=schema.read_only(state, self._database.name),
        )


def _count(name: str, table: str) -> str:
    counted = f"(SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_EXACT_UP_TO}) AS first)"
    estimate = f"(SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass)"
    return (
        f"CASE WHEN {counted} < {_EXACT_UP_TO} THEN {counted} ELSE greatest({estimate}, {_EXACT_UP_TO}) END AS {name}"
    )
