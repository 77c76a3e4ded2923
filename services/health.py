"""How the stores are, and what is wrong with what they hold. Looks only; repairs are acts of their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC

from services.errors import MemoriaError
from services.memories.reading import owners
from services.model import MemoryType, StoreStatus
from services.points import EVERYTHING, Filter, Missing
from services.ports import Embedder, Records, VectorStore
from services.search.headless import NOT_FIRST, headless_ids
from services.search.scope import Scoping

_NESTED = Filter(must=(Filter(must_not=(Missing("metadata"),)),), must_not=(NOT_FIRST,))
_NAMED = 3
"""Ids that a problem names."""


class HealthService:
    """State of the three stores, and integrity of the memories and relations in them."""

    def __init__(self, vectors: VectorStore, embedder: Embedder, records: Records) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._records = records
        self._scoping = Scoping(vectors, records, UTC)

    async def status(self) -> tuple[StoreStatus, StoreStatus, StoreStatus]:
        """Qdrant, PostgreSQL and the embedder, asked at the same time; what is wrong stands in `problems`."""
        return await asyncio.gather(self._vector_status(), self._records.status(), self._embedder.status())

    async def problems(self) -> list[str]:
        """One line for each kind of defect in the data, with how many and the first ids; reads everything once.

        Raises StoreUnavailable when a store is away.
        """
        found = await asyncio.gather(self._headless(), self._nested(), self._relations(), self._unfinished())
        return [problem for group in found for problem in group]

    async def _vector_status(self) -> StoreStatus:
        """As the store says, with memories counted instead of points."""
        status = await self._vectors.status()
        if not status.ok or not status.counts:
            return status
        try:
            counts = await self._memories()
        except MemoriaError as error:
            return replace(status, ok=False, problems=(*status.problems, str(error)))
        return replace(status, counts={**counts, "points": sum(status.counts.values())})

    async def _memories(self) -> Mapping[str, int]:
        one_each = await self._scoping.heads(dict.fromkeys(MemoryType, EVERYTHING))
        counts = await asyncio.gather(*(self._vectors.count(type_, where) for type_, where in one_each.items()))
        return {"memories": sum(counts)} | {type_.value: count for type_, count in zip(one_each, counts, strict=True)}

    async def _headless(self) -> list[str]:
        lost = [one for type_ in MemoryType for one in await headless_ids(self._vectors, type_)]
        return _told(
            lost, "memory", "memories", "without the first chunk: the text is whole, saving it again repairs it"
        )

    async def _nested(self) -> list[str]:
        count = sum([await self._vectors.count(type_, _NESTED) for type_ in MemoryType])
        things = "memory" if count == 1 else "memories"
        return [f"{count:,} {things} with metadata nested under `metadata`, where no filter finds it"] if count else []

    async def _relations(self) -> list[str]:
        wrong: Counter[str] = Counter()
        first: dict[str, list[str]] = {"chunk": [], "orphan": []}
        async for batch in self._records.all_relations():
            ends = {end for relation in batch for end in (relation.source_id, relation.target_id)}
            owned = await owners(self._vectors, sorted(ends))
            for relation in batch:
                pair = (relation.source_id, relation.target_id)
                for kind, bad in (
                    ("chunk", any(owned.get(end, end) != end for end in pair)),
                    ("orphan", any(end not in owned for end in pair)),
                ):
                    if bad:
                        wrong[kind] += 1
                        first[kind] += [relation.id] if len(first[kind]) < _NAMED else []
        return [
            *_told(first["chunk"], "relation", "relations", "from or to a chunk instead of its memory", wrong["chunk"]),
            *_told(first["orphan"], "relation", "relations", "with an end that is no memory", wrong["orphan"]),
        ]

    async def _unfinished(self) -> list[str]:
        info = await self._vectors.info()
        problems = [
            f"{type_}: no index on {', '.join(one.missing_indexes)}; filters and sorting are slow without"
            for type_, one in info.items()
            if one.missing_indexes
        ]
        if pending := await self._records.scheduled_count():
            waits = "memory waits for its" if pending == 1 else "memories wait for their"
            problems.append(f"{pending:,} {waits} vectors; keyword search finds what waits")
        return problems


def _told(ids: list[str], thing: str, things: str, what: str, count: int | None = None) -> list[str]:
    count = len(ids) if count is None else count
    if not count:
        return []
    more = " …" if count > _NAMED else ""
    return [f"{count:,} {thing if count == 1 else things} {what}: {', '.join(ids[:_NAMED])}{more}"]
