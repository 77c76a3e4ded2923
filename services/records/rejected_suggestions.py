"""Suggested relations that a person rejected: `rejected_suggestions`."""

from __future__ import annotations

from collections.abc import Sequence

from services.model import RelationType
from services.ports import SqlConnection

_REJECTED = """
SELECT source_id::text AS source, target_id::text AS target, relation_type AS type FROM public.rejected_suggestions
WHERE source_id = ANY(CAST(:ids AS uuid[])) OR target_id = ANY(CAST(:ids AS uuid[]))
"""


class RejectedSuggestions:
    """Which suggestions shall not come again."""

    def __init__(self, database: SqlConnection) -> None:
        self._database = database

    async def touching(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        """Rejected suggestions that touch one of these: source, target, type."""
        return [(row.source, row.target, row.type) for row in await self._database.fetch(_REJECTED, ids=list(ids))]


class RejectionWriter(RejectedSuggestions):
    """Suggestions that shall not come again, or may, in one transaction."""

    async def add(self, source: str, target: str, type_: RelationType) -> None:
        """Remembers that this relation is not wanted."""
        await self._database.fetch(
            "INSERT INTO public.rejected_suggestions (source_id, target_id, relation_type) "
            "VALUES (CAST(:source AS uuid), CAST(:target AS uuid), :type) ON CONFLICT DO NOTHING",
            source=source,
            target=target,
            type=type_.value,
        )

    async def remove(self, source: str, target: str) -> int:
        """Forgets what was rejected between the two, in both directions; gives how many."""
        rows = await self._database.fetch(
            "DELETE FROM public.rejected_suggestions WHERE (source_id, target_id) IN "
            "((CAST(:source AS uuid), CAST(:target AS uuid)), (CAST(:target AS uuid), CAST(:source AS uuid))) "
            "RETURNING id",
            source=source,
            target=target,
        )
        return len(rows)
