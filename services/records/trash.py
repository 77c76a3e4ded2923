"""The trash: deleted memories, as the history tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.model import Change
from services.records.history import COLUMNS, RELATIONS_GONE, History, change_of

_IN_TRASH = """entity = 'memory' AND action = 'deleted' AND kind <> 'purge'
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log later
                  WHERE later.entity_id = gone.entity_id AND later.id > gone.id AND later.entity = 'memory')"""
_DELETED_MEMORIES = f"""
SELECT {COLUMNS} FROM {{log}} gone
WHERE {_IN_TRASH}
ORDER BY id DESC LIMIT :limit OFFSET :offset
"""
_DELETED_IDS = f"""
SELECT entity_id::text AS id, gone.id AS number FROM {{log}} gone
WHERE {_IN_TRASH} AND (CAST(:before AS timestamptz) IS NULL OR changed_at < :before) ORDER BY gone.id DESC
"""


class TrashedMemories:
    """Deleted memories, with what went with them."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def deletions(self, limit: int, offset: int = 0) -> list[Change]:
        """The deletion of each memory in the trash, newest first."""
        return [change_of(row) for row in await self._history.read(_DELETED_MEMORIES, limit=limit, offset=offset)]

    async def ids(self, before: datetime | None) -> dict[str, int]:
        """Ids of all memories in the trash, or of those deleted before an instant, last deleted first.

        With the number of the change that deleted each.
        """
        return {row.id: row.number for row in await self._history.read(_DELETED_IDS, before=before)}

    async def relations(self, ends: Sequence[str]) -> list[Change]:
        """The removal of each relation that ended in one of these ids, went with a memory and did not come back."""
        return [change_of(row) for row in await self._history.read(RELATIONS_GONE, ends=list(ends))]
