"""How a database is, and how much is in it."""

from __future__ import annotations

import time

from services.adapters.postgres import schema
from services.model import StoreKind, StoreStatus

_EXACT_UP_TO = 20_000
"""Rows that are counted one by one; beyond, PostgreSQL's own estimate is given."""
_COUNTED = {
    "relations": "public.memory_relations",
    "sessions": "public.work_sessions",
    "changes": "memoria_tui.audit_log",
    "pending": "memoria_tui.embedding_schedule",
}


async def database_status(ask: schema.Ask, label: str, name: str) -> StoreStatus:
    """Of one that is connected already; `label` says where it is, `name` how messages call it."""
    begin = time.perf_counter()
    state = await schema.schema_state_by(ask)
    latency_ms = (time.perf_counter() - begin) * 1000
    counts = {}
    tables = {what: table for what, table in _COUNTED.items() if table in state.tables - state.unreadable}
    if tables:
        (row,) = await ask("SELECT " + ", ".join(_count(*table) for table in tables.items()), None)
        counts = {what: int(getattr(row, what)) for what in tables}
    return StoreStatus(
        StoreKind.POSTGRES,
        ok=not state.too_new and not state.too_old_server,
        label=label,
        version=state.server_version,
        latency_ms=latency_ms,
        counts=counts,
        estimated=frozenset(what for what, count in counts.items() if count >= _EXACT_UP_TO),
        problems=schema.problems(state, name),
        read_only=schema.read_only(state, name),
    )


def _count(name: str, table: str) -> str:
    counted = f"(SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_EXACT_UP_TO}) AS first)"
    estimate = f"(SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass)"
    return (
        f"CASE WHEN {counted} < {_EXACT_UP_TO} THEN {counted} ELSE greatest({estimate}, {_EXACT_UP_TO}) END AS {name}"
    )
