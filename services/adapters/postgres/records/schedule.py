"""The outbox, `memoria_tui.embedding_schedule`, and the locks of memories."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.text import storable
from services.ports import Mark, ScheduledWork, Waiting

if TYPE_CHECKING:
    from sqlalchemy import Row

MOST_LOCKS = 200
"""Memories that are locked one by one; for more, all are locked at once: PostgreSQL's table of locks is bounded."""
LOCK_TIMEOUT = "30s"
"""How long a writer waits for another program that holds a memory."""

_SCHEDULE = """
INSERT INTO memoria_tui.embedding_schedule AS entry (memory_id, change_id)
SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[]))
ON CONFLICT (memory_id) DO UPDATE
SET change_id = excluded.change_id, since = COALESCE(entry.since, entry.change_id), attempts = 0, last_error = NULL,
    next_attempt = now()
"""
_SCHEDULED = """
SELECT memory_id, change_id, attempts, last_error, next_attempt FROM memoria_tui.embedding_schedule
WHERE (CAST(:due AS timestamptz) IS NULL OR next_attempt < :due)
  AND (CAST(:ids AS uuid[]) IS NULL OR memory_id = ANY(CAST(:ids AS uuid[])))
  AND (attempts = 0 OR NOT CAST(:untried AS boolean))
ORDER BY attempts, change_id LIMIT :limit
"""
_DONE = """
DELETE FROM memoria_tui.embedding_schedule entry
USING unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[])) AS applied (memory_id, change_id)
WHERE entry.memory_id = applied.memory_id AND entry.change_id = applied.change_id
RETURNING entry.memory_id::text AS id
"""
_POSTPONE = """
UPDATE memoria_tui.embedding_schedule entry
SET attempts = attempts + 1, last_error = :error, next_attempt = later.next_attempt,
    since = CASE WHEN :written THEN entry.change_id + 1 ELSE entry.since END
FROM unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[]), CAST(:times AS timestamptz[]))
     AS later (memory_id, change_id, next_attempt)
WHERE entry.memory_id = later.memory_id AND entry.change_id = later.change_id
RETURNING entry.memory_id::text AS id
"""
_WAITING = """
SELECT entry.memory_id::text AS id, entry.attempts, COALESCE(entry.since > entry.change_id, false) AS written,
       ARRAY(SELECT change.id FROM memoria_tui.audit_log change
             WHERE change.entity_id = entry.memory_id AND change.entity = 'memory'
               AND change.id BETWEEN LEAST(entry.since, entry.change_id) AND entry.change_id
             ORDER BY change.id) AS changes
FROM memoria_tui.embedding_schedule entry WHERE entry.memory_id = ANY(CAST(:ids AS uuid[]))
"""
_MARKS = """
SELECT wanted.id::text AS id, COALESCE(newest.id, 0) AS newest, COALESCE(entry.change_id, 0) AS waiting,
       COALESCE(newest.action = 'deleted', false) AS deleted
FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
LEFT JOIN LATERAL (SELECT change.id, change.action FROM memoria_tui.audit_log change
                   WHERE change.entity_id = wanted.id AND change.entity = 'memory'
                   ORDER BY change.id DESC LIMIT 1) AS newest ON true
LEFT JOIN memoria_tui.embedding_schedule entry ON entry.memory_id = wanted.id
WHERE newest.id IS NOT NULL OR entry.change_id IS NOT NULL
"""
_LOCK = f"""
SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true),
       CASE WHEN n = 1 OR :shared THEN pg_advisory_xact_lock_shared(key) ELSE pg_advisory_xact_lock(key) END
FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS wanted (key, n)
"""
_LOCK_EVERYTHING = f"""
SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true), pg_advisory_xact_lock(:key)
"""


class ScheduleReads(Reads):
    """What is still to be done, and what has been."""

    async def scheduled(
        self,
        *,
        due_before: datetime | None = None,
        memory_ids: Sequence[str] | None = None,
        untried: bool = False,
        limit: int = 1000,
    ) -> list[ScheduledWork]:
        ids = None if memory_ids is None else list(memory_ids)
        return [
            ScheduledWork(str(row.memory_id), row.change_id, row.attempts, row.last_error, row.next_attempt)
            for row in await self._read(_SCHEDULED, due=due_before, ids=ids, untried=untried, limit=limit)
        ]

    async def scheduled_count(self) -> int:
        rows = await self._read("SELECT count(*) AS entries FROM memoria_tui.embedding_schedule")
        return rows[0].entries if rows else 0

    async def waiting(self, memory_ids: Sequence[str]) -> dict[str, Waiting]:
        rows = await self._read(_WAITING, ids=list(memory_ids))
        return {row.id: Waiting(tuple(row.changes), row.attempts, row.written) for row in rows}

    async def marks(self, memory_ids: Sequence[str]) -> dict[str, Mark]:
        return _marks(await self._read(_MARKS, ids=list(memory_ids)))


class ScheduleWrites(Writes):
    """The outbox, and the locks under which it is written: advisory ones, which PostgreSQL drops with the transaction.

    They need no session, so they hold behind PgBouncer in transaction mode too.
    """

    async def lock(self, memory_ids: Iterable[str], *, shared: bool = False) -> None:
        wanted = sorted({_key(memory_id) for memory_id in memory_ids})
        if len(wanted) > MOST_LOCKS:
            await self._fetch(_LOCK_EVERYTHING, {"key": _EVERYTHING})
        elif wanted:
            await self._fetch(_LOCK, {"keys": [_EVERYTHING, *wanted], "shared": shared})

    async def marks(self, memory_ids: Sequence[str]) -> dict[str, Mark]:
        return _marks(await self._fetch(_MARKS, {"ids": list(memory_ids)}))

    async def schedule(self, work: Mapping[str, int]) -> None:
        if work:
            await self._fetch(_SCHEDULE, {"ids": list(work), "changes": list(work.values())})

    async def done(self, work: Mapping[str, int]) -> set[str]:
        if not work:
            return set()
        rows = await self._fetch(_DONE, {"ids": list(work), "changes": list(work.values())})
        return {row.id for row in rows}

    async def postpone(
        self, work: Mapping[str, int], error: str, next_attempts: Sequence[datetime], *, written: bool
    ) -> set[str]:
        if not work:
            return set()
        rows = await self._fetch(
            _POSTPONE,
            {
                "ids": list(work),
                "changes": list(work.values()),
                "times": list(next_attempts),
                "error": storable(error),
                "written": written,
            },
        )
        return {row.id for row in rows}


def _marks(rows: Sequence[Row[Any]]) -> dict[str, Mark]:
    return {row.id: Mark(row.newest, row.waiting, row.deleted) for row in rows}


def _key(name: str) -> int:
    """A number of 64 bits for an advisory lock, the same in every program."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=b"memoria_tui").digest()
    return int.from_bytes(digest, signed=True)


_EVERYTHING = _key("every memory")
"""Held by all who write memories: shared by those who lock some, alone by who locks all."""
