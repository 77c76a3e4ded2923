"""Sessions whose memory was merged into another one: `work_sessions.memory_id`."""

from __future__ import annotations

from collections.abc import Mapping

from services.model import Action, Entity
from services.ports import NewChange, SqlConnection

_FOLLOW = """
UPDATE public.work_sessions session SET memory_id = old.goal
FROM (SELECT stored.id, to_jsonb(stored) AS state, wanted.goal FROM public.work_sessions stored
      JOIN unnest(CAST(:ids AS uuid[]), CAST(:goals AS uuid[])) AS wanted (id, goal) ON wanted.id = stored.memory_id
      ORDER BY stored.id FOR UPDATE OF stored) AS old
WHERE session.id = old.id
RETURNING session.id::text AS id, old.state AS before, to_jsonb(session) AS after
"""


async def follow_memories(connection: SqlConnection, goals: Mapping[str, str]) -> list[NewChange]:
    """Gives the sessions of each memory to another one; answers with the rows for the history."""
    rows = await connection.fetch(_FOLLOW, ids=list(goals), goals=list(goals.values()))
    summary = "moved to the memory that was kept"
    return [NewChange(Entity.SESSION, row.id, Action.UPDATED, row.before, row.after, summary=summary) for row in rows]
