"""Relations between memories: `memory_relations`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.text import storable_json
from services.model import Relation, RelationCreator, RelationType
from services.ports import Edge, NewRelation

COLUMNS = "id, source_id, target_id, relation_type, weight, created_by, metadata, created_at"
_OF = f"""
SELECT {COLUMNS} FROM public.memory_relations
WHERE source_id = ANY(CAST(:ids AS uuid[])) OR target_id = ANY(CAST(:ids AS uuid[]))
ORDER BY created_at, id
"""
_EDGES = """
SELECT source_id::text, target_id::text, COALESCE(weight, 1) FROM public.memory_relations
WHERE source_id = ANY(CAST(:ids AS uuid[])) OR target_id = ANY(CAST(:ids AS uuid[]))
"""
_COUNTS = """
SELECT memory_id, count(*) AS relations
FROM (SELECT source_id AS memory_id FROM public.memory_relations WHERE source_id = ANY(CAST(:ids AS uuid[]))
      UNION ALL
      SELECT target_id FROM public.memory_relations WHERE target_id = ANY(CAST(:ids AS uuid[]))) AS ends
GROUP BY memory_id
"""
_INSERT = f"""
INSERT INTO public.memory_relations ({COLUMNS})
SELECT COALESCE(id, gen_random_uuid()), source_id, target_id, type::public.relation_type, weight,
       created_by::public.relation_creator, metadata::jsonb, COALESCE(created_at, now())
FROM unnest(CAST(:ids AS uuid[]), CAST(:sources AS uuid[]), CAST(:targets AS uuid[]), CAST(:types AS text[]),
            CAST(:weights AS float8[]), CAST(:creators AS text[]), CAST(:metadata AS text[]),
            CAST(:times AS timestamptz[]))
     AS new (id, source_id, target_id, type, weight, created_by, metadata, created_at)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
_UPDATE = """
UPDATE public.memory_relations relation
SET source_id = new.source_id, target_id = new.target_id, relation_type = new.type::public.relation_type,
    weight = new.weight, metadata = new.metadata::jsonb
FROM unnest(CAST(:ids AS uuid[]), CAST(:sources AS uuid[]), CAST(:targets AS uuid[]), CAST(:types AS text[]),
            CAST(:weights AS float8[]), CAST(:metadata AS text[]))
     AS new (id, source_id, target_id, type, weight, metadata)
WHERE relation.id = new.id
"""


_LOCKED = f"""
SELECT {COLUMNS} FROM public.memory_relations WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
"""


class RelationReads(Reads):
    """Which memories belong together."""

    async def relations_of(self, memory_ids: Sequence[str]) -> list[Relation]:
        return [relation_of(row) for row in await self._read(_OF, ids=list(memory_ids))]

    async def edges_of(self, memory_ids: Sequence[str]) -> list[Edge]:
        return [Edge._make(row) for row in await self._read(_EDGES, ids=list(memory_ids))]

    async def relation_counts(self, memory_ids: Sequence[str]) -> dict[str, int]:
        return {str(row.memory_id): row.relations for row in await self._read(_COUNTS, ids=list(memory_ids))}

    async def related_ids(self) -> frozenset[str]:
        """All in one value: 100,000 rows would hold up the event loop."""
        (row,) = await self._read(
            "SELECT string_agg(id::text, ' ') AS ids FROM "
            "(SELECT source_id AS id FROM public.memory_relations UNION SELECT target_id FROM public.memory_relations)"
            " AS ends"
        )
        return frozenset((row.ids or "").split())

    async def all_relations(self, batch: int = 1000) -> AsyncIterator[list[Relation]]:
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._read(
            f"SELECT {COLUMNS} FROM public.memory_relations WHERE id > CAST(:last AS uuid) ORDER BY id LIMIT :batch",
            last=last,
            batch=batch,
        ):
            last = str(rows[-1].id)
            yield [relation_of(row) for row in rows]


class RelationWrites(Writes):
    """Relations to make, change and take away."""

    async def locked_relations(self, ids: Sequence[str]) -> dict[str, Relation]:
        rows = await self._fetch(_LOCKED, {"ids": list(ids)})
        return {str(row.id): relation_of(row) for row in rows}

    async def insert_relations(self, relations: Sequence[NewRelation]) -> list[Relation]:
        if not relations:
            return []
        rows = await self._fetch(
            _INSERT,
            {
                **_columns(relations),
                "creators": [relation.created_by.value for relation in relations],
                "times": [relation.created_at for relation in relations],
            },
        )
        return [relation_of(row) for row in rows]

    async def delete_relations(self, ids: Sequence[str]) -> list[Relation]:
        rows = await self._fetch(
            f"DELETE FROM public.memory_relations WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING {COLUMNS}",
            {"ids": list(ids)},
        )
        return [relation_of(row) for row in rows]

    async def delete_relations_of(self, ends: Sequence[str]) -> list[Relation]:
        rows = await self._fetch(
            "DELETE FROM public.memory_relations WHERE source_id = ANY(CAST(:ids AS uuid[])) "
            f"OR target_id = ANY(CAST(:ids AS uuid[])) RETURNING {COLUMNS}",
            {"ids": list(ends)},
        )
        return [relation_of(row) for row in rows]

    async def update_relations(self, relations: Sequence[Relation]) -> None:
        await self._fetch(_UPDATE, _columns(relations))


def _columns(relations: Sequence[NewRelation] | Sequence[Relation]) -> dict[str, object]:
    return {
        "ids": [relation.id for relation in relations],
        "sources": [relation.source_id for relation in relations],
        "targets": [relation.target_id for relation in relations],
        "types": [relation.type.value for relation in relations],
        "weights": [relation.weight for relation in relations],
        "metadata": [storable_json(relation.metadata) for relation in relations],
    }


def relation_of(row: Any) -> Relation:
    """The value of a row that has all COLUMNS."""
    return Relation(
        id=str(row.id),
        source_id=str(row.source_id),
        target_id=str(row.target_id),
        type=RelationType(row.relation_type),
        weight=1.0 if row.weight is None else row.weight,
        created_by=RelationCreator(row.created_by or RelationCreator.USER),
        created_at=row.created_at,
        metadata=row.metadata or {},
    )
