"""Walks over the relations, and the suggestions that a person rejected."""

from __future__ import annotations

from collections.abc import Sequence

from services.adapters.postgres.records import walking
from services.adapters.postgres.records.base import Writes
from services.adapters.postgres.records.relations import COLUMNS, RelationReads, relation_of
from services.model import Relation, RelationType
from services.ports import FoundNode, FoundStep

_AROUND = """
SELECT memory_id::text AS id, depth, path::text[] AS path, relation
FROM memoria_tui.neighborhood(CAST(:center AS uuid), :depth, CAST(:types AS public.relation_type[]), :limit)
ORDER BY depth, memory_id
"""
_PATH = """
SELECT memory_id::text AS id, relation, direction
FROM public.find_path(CAST(:start AS uuid), CAST(:goal AS uuid), :depth) ORDER BY step
"""
_AMONG = f"""
SELECT {COLUMNS} FROM public.memory_relations
WHERE source_id = ANY(CAST(:ids AS uuid[])) AND target_id = ANY(CAST(:ids AS uuid[]))
  AND (CAST(:types AS public.relation_type[]) IS NULL OR relation_type = ANY(CAST(:types AS public.relation_type[])))
ORDER BY created_at, id
"""
_BEST_CONNECTED = """
SELECT memory_id::text AS id, count(*) AS degree
FROM (SELECT source_id AS memory_id FROM public.memory_relations
      UNION ALL SELECT target_id FROM public.memory_relations) AS ends
GROUP BY memory_id ORDER BY degree DESC, memory_id LIMIT :limit
"""
_REJECTED = """
SELECT source_id::text AS source, target_id::text AS target, relation_type AS type FROM public.rejected_suggestions
WHERE source_id = ANY(CAST(:ids AS uuid[])) OR target_id = ANY(CAST(:ids AS uuid[]))
"""


class GraphReads(RelationReads):
    """What lies around a memory and between two."""

    async def around(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        await self._require_readable()
        if self.bare:
            return await walking.around(self.relations_of, center, depth, types, limit)
        rows = await self._read(_AROUND, center=center, depth=depth, types=_types(types), limit=limit)
        return [FoundNode(row.id, row.depth, tuple(row.path), RelationType(row.relation)) for row in rows]

    async def way(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        await self._require_readable()
        if self.bare or not self.own_paths:
            return await walking.way(self.relations_of, start, goal, depth)
        rows = await self._read(_PATH, start=start, goal=goal, depth=depth)
        return [
            FoundStep(row.id, RelationType(row.relation) if row.relation else None, row.direction == "out")
            for row in rows
        ]

    async def relations_among(self, ids: Sequence[str], types: Sequence[RelationType] = ()) -> list[Relation]:
        return [relation_of(row) for row in await self._read(_AMONG, ids=list(ids), types=_types(types))]

    async def best_connected(self, limit: int) -> list[tuple[str, int]]:
        return [(row.id, row.degree) for row in await self._read(_BEST_CONNECTED, limit=limit)]

    async def rejected(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        return [(row.source, row.target, row.type) for row in await self._read(_REJECTED, ids=list(ids))]


class GraphWrites(Writes):
    """Suggestions that shall not come again, or may."""

    async def reject(self, source: str, target: str, type_: RelationType) -> None:
        await self._fetch(
            "INSERT INTO public.rejected_suggestions (source_id, target_id, relation_type) "
            "VALUES (CAST(:source AS uuid), CAST(:target AS uuid), :type) ON CONFLICT DO NOTHING",
            {"source": source, "target": target, "type": type_.value},
        )

    async def unreject(self, source: str, target: str) -> int:
        rows = await self._fetch(
            "DELETE FROM public.rejected_suggestions WHERE (source_id, target_id) IN "
            "((CAST(:source AS uuid), CAST(:target AS uuid)), (CAST(:target AS uuid), CAST(:source AS uuid))) "
            "RETURNING id",
            {"source": source, "target": target},
        )
        return len(rows)


def _types(types: Sequence[RelationType]) -> list[str] | None:
    return [type_.value for type_ in types] or None
