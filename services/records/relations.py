"""Relations between memories: `memory_relations`, and the suggested ones that a person rejected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.model import Relation, RelationCreator, RelationType
from services.ports import Link, NewRelation, RelationSummary, SqlConnection
from services.records.columns import storable_json

_COLUMNS = "id, source_id, target_id, relation_type, weight, created_by, metadata, created_at"
_TOUCHING = """
(SELECT DISTINCT unnest(CAST(:ids AS uuid[])) AS memory_id) AS one CROSS JOIN LATERAL (
    SELECT * FROM public.memory_relations WHERE source_id = one.memory_id
    UNION ALL
    SELECT * FROM public.memory_relations WHERE target_id = one.memory_id AND source_id <> ALL(CAST(:ids AS uuid[]))
) AS relations
"""
"""Each once. Memory by memory, so that the indexes are used even of a table that has no statistics yet."""
_OF = f"SELECT {_COLUMNS} FROM {_TOUCHING} ORDER BY created_at, id"
_LINKS = """
SELECT target_id AS neighbour, COALESCE(weight, 1) AS weight FROM public.memory_relations WHERE source_id = one.id
UNION ALL
SELECT source_id, COALESCE(weight, 1) FROM public.memory_relations WHERE target_id = one.id
"""
_LINKS_AROUND = f"""
WITH first AS MATERIALIZED (
    SELECT one.id, score, neighbour, weight, count(*) OVER (PARTITION BY one.id) AS fan
    FROM unnest(CAST(:ids AS uuid[]), CAST(:scores AS float8[])) AS one (id, score) CROSS JOIN LATERAL ({_LINKS}) AS to_
), middle AS (
    SELECT neighbour AS id FROM first WHERE neighbour <> ALL(CAST(:ids AS uuid[]))
    GROUP BY neighbour ORDER BY max(score * weight / sqrt(greatest(fan, :free_fan))) DESC LIMIT :middles
)
SELECT id::text, neighbour::text, weight FROM first
UNION ALL
SELECT one.id::text, neighbour::text, weight FROM middle AS one CROSS JOIN LATERAL ({_LINKS}) AS to_
"""
_COUNTS = """
SELECT memory_id, count(*) AS relations
FROM (SELECT source_id AS memory_id FROM public.memory_relations WHERE source_id = ANY(CAST(:ids AS uuid[]))
      UNION ALL
      SELECT target_id FROM public.memory_relations WHERE target_id = ANY(CAST(:ids AS uuid[]))) AS ends
GROUP BY memory_id
"""
_STANDING = """
SELECT one.id::text AS id, count(*) AS relations, bool_or(superseded) AS superseded
FROM unnest(CAST(:ids AS uuid[])) AS one (id) CROSS JOIN LATERAL (
    SELECT false AS superseded FROM public.memory_relations WHERE source_id = one.id
    UNION ALL
    SELECT relation_type = 'supersedes' FROM public.memory_relations WHERE target_id = one.id
) AS ends
GROUP BY one.id
"""
"""Memory by memory, as `_TOUCHING`: before its first statistics the whole table was read with each key."""
_INSERT = f"""
INSERT INTO public.memory_relations ({_COLUMNS})
SELECT COALESCE(id, gen_random_uuid()), source_id, target_id, type::public.relation_type, weight,
       created_by::public.relation_creator, metadata::jsonb, COALESCE(created_at, now())
FROM unnest(CAST(:ids AS uuid[]), CAST(:sources AS uuid[]), CAST(:targets AS uuid[]), CAST(:types AS text[]),
            CAST(:weights AS float8[]), CAST(:creators AS text[]), CAST(:metadata AS text[]),
            CAST(:times AS timestamptz[]))
     AS new (id, source_id, target_id, type, weight, created_by, metadata, created_at)
ON CONFLICT DO NOTHING
RETURNING {_COLUMNS}
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
_SUPERSEDED = """
SELECT string_agg(DISTINCT target_id::text, ' ') AS ids FROM public.memory_relations
WHERE relation_type = 'supersedes'
"""
_BEFORE = "AND (CAST(:before AS timestamptz) IS NULL OR created_at < CAST(:before AS timestamptz))"
_BETWEEN = f"""
SELECT {_COLUMNS} FROM public.memory_relations
WHERE source_id = ANY(CAST(:ids AS uuid[])) AND target_id = ANY(CAST(:ids AS uuid[]))
  AND (CAST(:types AS public.relation_type[]) IS NULL OR relation_type = ANY(CAST(:types AS public.relation_type[])))
ORDER BY created_at, id
"""
_LINEAGE = f"""
WITH RECURSIVE older AS (
    SELECT unnest(CAST(:ids AS uuid[])) AS id
    UNION
    SELECT target_id FROM older JOIN public.memory_relations ON source_id = older.id
    WHERE relation_type = 'supersedes'
), newer AS (
    SELECT unnest(CAST(:ids AS uuid[])) AS id
    UNION
    SELECT source_id FROM newer JOIN public.memory_relations ON target_id = newer.id
    WHERE relation_type = 'supersedes'
)
SELECT {_COLUMNS} FROM public.memory_relations
WHERE relation_type = 'supersedes'
  AND (source_id = ANY(ARRAY(SELECT id FROM older)) OR target_id = ANY(ARRAY(SELECT id FROM newer)))
ORDER BY created_at, id
"""
_BEST_CONNECTED = """
SELECT memory_id::text AS id, count(*) AS degree
FROM (SELECT source_id AS memory_id FROM public.memory_relations
      UNION ALL SELECT target_id FROM public.memory_relations) AS ends
GROUP BY memory_id ORDER BY degree DESC, memory_id LIMIT :limit
"""
_LOCKED = f"""
SELECT {_COLUMNS} FROM public.memory_relations WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
"""


class Relations:
    """Which memories belong together."""

    def __init__(self, database: SqlConnection) -> None:
        self._database = database

    async def touching(self, memory_ids: Sequence[str]) -> list[Relation]:
        """All relations that touch one of these ids, in one round trip."""
        return [_relation(row) for row in await self._database.fetch(_OF, ids=list(memory_ids))]

    async def links_around(self, scores: Mapping[str, float], free_fan: int, middles: int) -> list[Link]:
        """The links of these memories, and of those of their neighbours to which most of a score would come.

        At most so many are `middles`; a memory passes on less over each of more than `free_fan` links.
        """
        ids, values = list(scores), list(scores.values())
        asked = {"ids": ids, "scores": values, "free_fan": free_fan, "middles": middles}
        return [Link._make(row) for row in await self._database.fetch(_LINKS_AROUND, **asked)]

    async def counts(self, memory_ids: Sequence[str]) -> dict[str, int]:
        """Number of relations of each memory that has any."""
        return {str(row.memory_id): row.relations for row in await self._database.fetch(_COUNTS, ids=list(memory_ids))}

    async def related_ids(self) -> frozenset[str]:
        """Every id that is an end of some relation; all in one value: 100,000 rows would hold up the event loop."""
        (row,) = await self._database.fetch(
            "SELECT string_agg(id::text, ' ') AS ids FROM "
            "(SELECT source_id AS id FROM public.memory_relations UNION SELECT target_id FROM public.memory_relations)"
            " AS ends"
        )
        return frozenset((row.ids or "").split())

    async def summaries(self, memory_ids: Sequence[str]) -> dict[str, RelationSummary]:
        """How each of these memories that has any relation stands."""
        rows = await self._database.fetch(_STANDING, ids=list(memory_ids))
        return {row.id: RelationSummary(row.relations, row.superseded) for row in rows}

    async def superseded_ids(self, before: datetime | None) -> frozenset[str]:
        """All memories that another supersedes, since before an instant if one is given, in one value as above."""
        rows = await self._database.fetch(f"{_SUPERSEDED} {_BEFORE}", before=before)
        return frozenset((rows[0].ids or "").split()) if rows else frozenset()

    async def all(self, batch: int = 1000) -> AsyncIterator[list[Relation]]:
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._database.fetch(
            f"SELECT {_COLUMNS} FROM public.memory_relations WHERE id > CAST(:last AS uuid) ORDER BY id LIMIT :batch",
            last=last,
            batch=batch,
        ):
            last = str(rows[-1].id)
            yield [_relation(row) for row in rows]

    async def between(self, ids: Sequence[str], types: Sequence[RelationType] = ()) -> list[Relation]:
        """Relations with both ends among these; () takes all types."""
        rows = await self._database.fetch(_BETWEEN, ids=list(ids), types=type_names(types))
        return [_relation(row) for row in rows]

    async def lineage(self, ids: Sequence[str]) -> list[Relation]:
        """By which relations these superseded others, and are superseded, over any number of steps."""
        return [_relation(row) for row in await self._database.fetch(_LINEAGE, ids=list(ids))]

    async def best_connected(self, limit: int) -> list[tuple[str, int]]:
        """Ids with the most relations, with their number."""
        return [(row.id, row.degree) for row in await self._database.fetch(_BEST_CONNECTED, limit=limit)]


class RelationWriter(Relations):
    """Relations to make, change and take away, in one transaction."""

    async def locked(self, ids: Sequence[str]) -> dict[str, Relation]:
        """Those of the relations that are there, by id; nobody changes them until the transaction ends."""
        rows = await self._database.fetch(_LOCKED, ids=list(ids))
        return {str(row.id): _relation(row) for row in rows}

    async def insert(self, relations: Sequence[NewRelation] | Sequence[Relation]) -> list[Relation]:
        """Inserts; those that exist already (same ends and type) are left out of the answer."""
        if not relations:
            return []
        rows = await self._database.fetch(
            _INSERT,
            **_parameters(relations),
            creators=[relation.created_by.value for relation in relations],
            times=[relation.created_at for relation in relations],
        )
        return [_relation(row) for row in rows]

    async def delete(self, ids: Sequence[str]) -> list[Relation]:
        """Deletes; gives what was deleted, for the history."""
        rows = await self._database.fetch(
            f"DELETE FROM public.memory_relations WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING {_COLUMNS}",
            ids=list(ids),
        )
        return [_relation(row) for row in rows]

    async def delete_touching(self, ends: Sequence[str]) -> list[Relation]:
        """Deletes every relation that ends in one of these ids; gives what was deleted."""
        rows = await self._database.fetch(
            "DELETE FROM public.memory_relations WHERE source_id = ANY(CAST(:ids AS uuid[])) "
            f"OR target_id = ANY(CAST(:ids AS uuid[])) RETURNING {_COLUMNS}",
            ids=list(ends),
        )
        return [_relation(row) for row in rows]

    async def update(self, relations: Sequence[Relation]) -> None:
        """Writes source, target, type, weight and metadata of relations that exist. Raises Conflict on a duplicate."""
        await self._database.fetch(_UPDATE, **_parameters(relations))


def _parameters(relations: Sequence[NewRelation] | Sequence[Relation]) -> dict[str, object]:
    return {
        "ids": [relation.id for relation in relations],
        "sources": [relation.source_id for relation in relations],
        "targets": [relation.target_id for relation in relations],
        "types": [relation.type.value for relation in relations],
        "weights": [relation.weight for relation in relations],
        "metadata": [storable_json(relation.metadata) for relation in relations],
    }


def _relation(row: Any) -> Relation:
    """The value of a row that has all _COLUMNS."""
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


def type_names(types: Sequence[RelationType]) -> list[str] | None:
    """For a parameter that chooses types: None for all."""
    return [type_.value for type_ in types] or None


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
