"""`duplicate_pairs`: near-identical memories as a scan found them; what a person keeps apart is a relation.

`duplicate_texts`: hashes of the texts that were scanned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.ports import SqlConnection, SqlDatabase
from services.records.columns import storable_json

KEPT_APART = "kept_apart"
"""Key in the metadata of the relation by which a person said that two memories are both to stay."""
_RELATED = f"""
EXISTS (SELECT 1 FROM public.memory_relations relation
        WHERE ((relation.source_id = pair.one AND relation.target_id = pair.other)
               OR (relation.source_id = pair.other AND relation.target_id = pair.one))
          AND (relation.relation_type = 'supersedes' OR relation.metadata ? '{KEPT_APART}'))
"""
_SUPERSEDED = """
EXISTS (SELECT 1 FROM public.memory_relations relation
        WHERE relation.target_id IN (pair.one, pair.other) AND relation.relation_type = 'supersedes')
"""
_DECIDED = f"({_RELATED} OR (kind = 'differs' AND {_SUPERSEDED}))"
"""Two that differ in a fact contradict each other only as long as both are to be true."""
_PAIRS = f"""
SELECT one::text AS one, other::text AS other, cosine, shared, kind FROM memoria_tui.duplicate_pairs pair
WHERE kind = ANY(CAST(:kinds AS text[])) AND NOT {_DECIDED}
ORDER BY shared DESC, one, other LIMIT :limit
"""
_OF_THESE = f"""
FROM memoria_tui.duplicate_pairs pair
WHERE (one = ANY(CAST(:ids AS uuid[])) OR other = ANY(CAST(:ids AS uuid[]))) AND NOT {_DECIDED}
"""
_PAIRS_OF = f"SELECT one::text AS one, other::text AS other, cosine, shared, kind {_OF_THESE}"
_COUNTS = f"""
SELECT kind, count(*) AS number FROM memoria_tui.duplicate_pairs pair WHERE NOT {_DECIDED} GROUP BY kind
"""
_DIFFERING = f"""
SELECT string_agg(one::text || ' ' || other::text, ' ') AS ids FROM memoria_tui.duplicate_pairs pair
WHERE kind = 'differs' AND NOT {_DECIDED}
"""
_SETTLED = f"""
SELECT pair.other::text AS id
FROM (SELECT CAST(:id AS uuid) AS one, unnest(CAST(:others AS uuid[])) AS other) AS pair
WHERE {_RELATED} OR {_SUPERSEDED}
"""
_DROP = """
DELETE FROM memoria_tui.duplicate_pairs WHERE one = ANY(CAST(:ids AS uuid[])) OR other = ANY(CAST(:ids AS uuid[]))
"""
_ADD = """
INSERT INTO memoria_tui.duplicate_pairs (one, other, cosine, shared, kind)
SELECT * FROM unnest(CAST(:ones AS uuid[]), CAST(:others AS uuid[]), CAST(:cosines AS real[]), CAST(:shares AS real[]),
                     CAST(:kinds AS text[]))
ON CONFLICT (one, other) DO UPDATE SET cosine = excluded.cosine, shared = excluded.shared, kind = excluded.kind
"""
_REACHED = """
INSERT INTO memoria_tui.duplicate_scan (state) VALUES (CAST(:state AS jsonb))
ON CONFLICT (single) DO UPDATE SET state = excluded.state
"""
_SAME_TEXT = """
SELECT wanted.id::text AS id, same.memory_id::text AS other
FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS bigint[])) AS wanted (id, text_hash)
CROSS JOIN LATERAL (SELECT memory_id FROM memoria_tui.duplicate_texts known
                    WHERE known.text_hash = wanted.text_hash AND known.memory_id <> wanted.id
                    ORDER BY memory_id LIMIT :most) AS same
"""
_SAME_TEXT_OR_FOUND = f"{_SAME_TEXT} UNION ALL SELECT one::text, other::text {_OF_THESE}"
_KEEP_TEXTS = """
WITH soon AS (SELECT set_config('synchronous_commit', 'off', true)),
     forgotten AS (DELETE FROM memoria_tui.duplicate_texts WHERE memory_id = ANY(CAST(:gone AS uuid[])))
INSERT INTO memoria_tui.duplicate_texts AS known (memory_id, text_hash)
SELECT found.* FROM soon, unnest(CAST(:ids AS uuid[]), CAST(:hashes AS bigint[])) AS found (id, text_hash) ORDER BY id
ON CONFLICT (memory_id) DO UPDATE SET text_hash = excluded.text_hash WHERE known.text_hash <> excluded.text_hash
"""
"""Nobody waits for the disk: a scan finds the same again, and what it writes down is on the disk after this."""
_CHANGED = """
SELECT DISTINCT entity_id::text AS id FROM memoria_tui.audit_log WHERE entity = 'memory' AND id > :after
"""


@dataclass(frozen=True, slots=True)
class StoredPair:
    """Two memories that are alike; the ids are sorted."""

    one: str
    other: str
    cosine: float
    shared: float
    """Share of their words that both have in the same order, 0..1."""
    kind: str


class Duplicates:
    """What scans found so far; nothing in a database without these tables."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def pairs(self, kinds: Sequence[str], limit: int) -> list[StoredPair]:
        """Pairs on which nobody decided, those with most words in common first."""
        return _pairs(await self._database.fetch(_PAIRS, kinds=list(kinds), limit=limit))

    async def pairs_of(self, ids: Iterable[str]) -> list[StoredPair]:
        """Pairs of these memories on which nobody decided."""
        return _pairs(await self._database.fetch(_PAIRS_OF, ids=list(ids)))

    async def counts(self) -> dict[str, int]:
        """Pairs on which nobody decided, by kind."""
        return {row.kind: row.number for row in await self._database.fetch(_COUNTS)}

    async def differing(self) -> list[tuple[str, str]]:
        """Pairs of memories that say nearly the same but for a fact, on which nobody decided."""
        (there,) = await self._database.fetch("SELECT to_regclass('memoria_tui.duplicate_pairs') IS NOT NULL AS is_so")
        rows = await self._database.fetch(_DIFFERING) if there.is_so else ()
        ids = (rows[0].ids or "").split() if rows else []
        return list(zip(ids[::2], ids[1::2], strict=True))

    async def settled(self, memory_id: str, others: Iterable[str]) -> set[str]:
        """Those of the others that contradict this memory no more: kept beside it, or one of both is superseded."""
        asked = {"id": memory_id, "others": list(others)}
        return {row.id for row in await self._database.fetch(_SETTLED, **asked)}

    async def same_text(self, hashes: Mapping[str, int], most: int, *, found: bool) -> list[tuple[str, str]]:
        """Each of these memories with others that have the hash; of each `most`, those with the least ids.

        `found`: and the pairs of these memories on which nobody decided.
        """
        asked = {"ids": list(hashes), "hashes": list(hashes.values()), "most": most}
        rows = await self._database.fetch(_SAME_TEXT_OR_FOUND if found else _SAME_TEXT, **asked)
        return [(row.id, row.other) for row in rows]

    async def keep_texts(self, hashes: Mapping[str, int], gone: Sequence[str]) -> None:
        """What the texts of memories are hashed to; nothing of those that are gone."""
        if hashes or gone:
            await self._database.write(_KEEP_TEXTS, ids=list(hashes), hashes=list(hashes.values()), gone=list(gone))

    async def scan(self) -> Mapping[str, object]:
        """How far the scan is, as it wrote it; empty before the first one."""
        rows = await self._database.fetch("SELECT state FROM memoria_tui.duplicate_scan")
        return rows[0].state if rows else {}

    async def changed(self, after: int) -> list[str]:
        """Memories with a change behind this one."""
        return [row.id for row in await self._database.fetch(_CHANGED, after=after)]


def _pairs(rows: Iterable[Any]) -> list[StoredPair]:
    return [StoredPair(row.one, row.other, row.cosine, row.shared, row.kind) for row in rows]


class DuplicateWriter:
    """Pairs and the state of the scan, in one transaction."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    async def drop(self, ids: Sequence[str]) -> None:
        """Forgets the pairs of these memories."""
        await self._connection.fetch(_DROP, ids=list(ids))

    async def add(self, pairs: Sequence[StoredPair]) -> None:
        await self._connection.fetch(
            _ADD,
            ones=[pair.one for pair in pairs],
            others=[pair.other for pair in pairs],
            cosines=[pair.cosine for pair in pairs],
            shares=[pair.shared for pair in pairs],
            kinds=[pair.kind for pair in pairs],
        )

    async def reached(self, state: Mapping[str, object]) -> None:
        await self._connection.fetch(_REACHED, state=storable_json(state))
