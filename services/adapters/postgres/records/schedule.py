"""Promised work: `memoria_tui.embedding_schedule`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.text import storable
from services.ports import ScheduledWork

_SCHEDULE = """
INSERT INTO memoria_tui.embedding_schedule (memory_id, change_id)
SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[]))
ON CONFLICT (memory_id) DO UPDATE
SET change_id = excluded.change_id, attempts = 0, last_error = NULL, next_attempt = now()
"""
_SCHEDULED = """
SELECT memory_id, change_id, attempts, last_error, next_attempt FROM memoria_tui.embedding_schedule
WHERE (CAST(:due AS timestamptz) IS NULL OR next_attempt < :due)
  AND (CAST(:ids AS uuid[]) IS NULL OR memory_id = ANY(CAST(:ids AS uuid[])))
ORDER BY change_id LIMIT :limit
"""
_DONE = """
DELETE FROM memoria_tui.embedding_schedule promise
USING unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[])) AS kept (memory_id, change_id)
WHERE promise.memory_id = kept.memory_id AND promise.change_id <= kept.change_id
"""
_POSTPONE = """
UPDATE memoria_tui.embedding_schedule
SET attempts = attempts + 1, last_error = :error, next_attempt = :next_attempt
WHERE memory_id = CAST(:id AS uuid)
"""


class ScheduleReads(Reads):
    """What is still to be done, and what has been."""

    async def scheduled(
        self, *, due_before: datetime | None = None, memory_ids: Sequence[str] | None = None, limit: int = 1000
    ) -> list[ScheduledWork]:
        return [
            ScheduledWork(str(row.memory_id), row.change_id, row.attempts, row.last_error, row.next_attempt)
            for row in await self._read(
                _SCHEDULED, due=due_before, ids=None if memory_ids is None else list(memory_ids), limit=limit
            )
        ]

    async def scheduled_count(self) -> int:
        rows = await self._read("SELECT count(*) AS promises FROM memoria_tui.embedding_schedule")
        return rows[0].promises if rows else 0

    async def done(self, work: Mapping[str, int]) -> None:
        await self._write(_DONE, ids=list(work), changes=list(work.values()))

    async def postpone(self, memory_id: str, error: str, next_attempt: datetime) -> None:
        await self._write(_POSTPONE, id=memory_id, error=storable(error), next_attempt=next_attempt)


class ScheduleWrites(Writes):
    """Work to promise."""

    async def schedule(self, work: Mapping[str, int]) -> None:
        if work:
            await self._fetch(_SCHEDULE, {"ids": list(work), "changes": list(work.values())})
