"""The stores as who acts may use them, and the relations that they may know of: see `services.acting`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from services.acting import Scope, permitted_projects, projects_seen, require, seeing_all
from services.batches import batches
from services.errors import Forbidden
from services.memories.stored_memories import owners
from services.model import MemoryType, Relation, RelationType, StoreStatus
from services.points import (
    EVERYTHING,
    CollectionInfo,
    DatedBetween,
    Filter,
    Matches,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
    Tally,
)
from services.ports import (
    FoundNode,
    FoundStep,
    Link,
    RelationSummary,
    SqlDatabase,
    SqlFeatures,
    SqlTransaction,
    SwitchableStore,
    VectorStore,
)
from services.records import Records
from services.records.graph_walks import StepwiseWalks

_AT_ONCE = 1000
"""Memories whose relations are read in one statement."""


def permitted_store(store: SwitchableStore) -> SwitchableStore:
    """The same store; who is kept to some projects finds nothing else in it."""
    return cast("SwitchableStore", PermittedStore(store))


class PermittedStore:
    """A store of points of which everybody sees what they may."""

    def __init__(self, store: SwitchableStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        """The sets of collections, which are all or nothing; and the words of a store that reads them itself."""
        if name in ("weights", "completions"):  # what words weigh tells nobody which there are
            is_hidden = name == "completions" and permitted_projects() is not None
            return _no_words if is_hidden else getattr(self._store, name)
        require(Scope.ADMIN, "change the collections")
        return getattr(self._store, name)

    @property
    def shared(self) -> bool:
        return self._store.shared

    async def ensure(self, dimensions: int, model: str) -> None:
        require(Scope.WRITE, "write")
        await self._store.ensure(dimensions, model)

    async def model(self) -> str | None:
        return await self._store.model()

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        found = await self._store.info()
        return found if projects_seen() is None else {type_: replace(one, points=0) for type_, one in found.items()}

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        _require_write()
        await self._store.upsert(collection, points)

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        _require_write()
        await self._store.set_payload(collection, ids, payload)

    async def set_payloads(
        self, collection: MemoryType, changes: Sequence[tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        _require_write()
        await self._store.set_payloads(collection, changes)

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        _require_write()
        await self._store.delete_payload(collection, ids, keys)

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        _require_write()
        await self._store.delete_points(collection, ids)

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        points = await self._store.retrieve(collection, ids, vectors=vectors)
        projects = projects_seen()
        return points if projects is None else [one for one in points if one.payload.get("project") in projects]

    async def scroll(self, request: Scroll) -> list[Point]:
        return await self._store.scroll(replace(request, where=_seen(request.where)))

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        return await self._store.search([replace(one, where=_seen(one.where)) for one in requests])

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        return await self._store.count(collection, _seen(where))

    async def facet(
        self, collection: MemoryType, key: str, where: Filter = EVERYTHING, limit: int = 1000
    ) -> dict[str, int]:
        return await self._store.facet(collection, key, _seen(where), limit)

    async def tally(
        self, collection: MemoryType, where: Filter, keys: Sequence[str], spans: Sequence[DatedBetween]
    ) -> Tally:
        return await self._store.tally(collection, _seen(where), keys, spans)

    async def status(self) -> StoreStatus:
        status = await self._store.status()
        return status if projects_seen() is None else replace(status, counts=dict.fromkeys(status.counts, 0))

    async def close(self) -> None:
        await self._store.close()


class PermittedDatabase:
    """A database that everybody reads and writes as far as they may; to who is kept to projects it is closed."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def features(self) -> SqlFeatures:
        return await self._database.features()

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        _require_open()
        return await self._database.fetch(sql, **parameters)

    async def write(self, sql: str, **parameters: object) -> None:
        _require_write()
        await self._database.write(sql, **parameters)

    @asynccontextmanager
    async def transaction(self, *, commit: bool = True) -> AsyncIterator[SqlTransaction]:
        _require_write()
        async with self._database.transaction(commit=commit) as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SqlTransaction]:
        require(Scope.ADMIN, "read the whole database")
        _require_open()
        async with self._database.snapshot() as connection:
            yield connection

    async def status(self) -> StoreStatus:
        status = await self._database.status()
        return status if permitted_projects() is None else replace(status, counts={})

    async def close(self) -> None:
        await self._database.close()


class SeenRelations:
    """Reads relations and walks over them. To who sees all memories it gives what the database has.

    Who is kept to projects is not told, nor by an order or a path, of a relation to a memory that they do not see.
    """

    def __init__(self, vectors: VectorStore, records: Records) -> None:
        self._vectors, self._records = vectors, records

    async def touching(self, ids: Sequence[str]) -> list[Relation]:
        """All that touch one of these ids, the oldest first."""
        with seeing_all():
            found = await self._records.relations.touching(ids)
        if permitted_projects() is None or not found:
            return found
        seen = await owners(self._vectors, sorted({end for one in found for end in (one.source_id, one.target_id)}))
        return [one for one in found if one.source_id in seen and one.target_id in seen]

    async def links_around(self, scores: Mapping[str, float], free_fan: int, middles: int) -> list[Link]:
        """As `Relations.links_around`."""
        if permitted_projects() is None:
            return await self._records.relations.links_around(scores, free_fan, middles)
        first = list(_links(await self.touching(list(scores)), scores))
        fans, reached = Counter(one.memory_id for one in first), dict[str, float]()
        for one in first:
            if one.neighbour_id not in scores:
                passed = scores[one.memory_id] * one.weight / math.sqrt(max(free_fan, fans[one.memory_id]))
                reached[one.neighbour_id] = max(passed, reached.get(one.neighbour_id, 0.0))
        most = sorted(reached, key=lambda id_: -reached[id_])[:middles]
        return [*first, *_links(await self.touching(most), most)]

    async def summaries(self, ids: Sequence[str]) -> dict[str, RelationSummary]:
        """As `Relations.summaries`."""
        if permitted_projects() is None:
            return await self._records.relations.summaries(ids)
        relations = await self.touching(ids)
        numbers = Counter(link.memory_id for link in _links(relations, ids))
        superseded = {one.target_id for one in relations if one.type is RelationType.SUPERSEDES}
        return {one: RelationSummary(number, one in superseded) for one, number in numbers.items()}

    async def related_ids(self) -> frozenset[str]:
        """As `Relations.related_ids`."""
        with seeing_all():
            found = await self._records.relations.related_ids()
        relations = await self._of(found) if permitted_projects() is not None else ()
        return found if permitted_projects() is None else frozenset(end for one in relations for end in _ends(one))

    async def superseded_ids(self, before: datetime | None = None) -> frozenset[str]:
        """As `Relations.superseded_ids`."""
        with seeing_all():
            found = await self._records.relations.superseded_ids(before)
        if permitted_projects() is None:
            return found
        return frozenset(
            one.target_id
            for one in await self._of(found)
            if one.type is RelationType.SUPERSEDES
            and (before is None or (one.created_at is not None and one.created_at < before))
        )

    async def neighbours(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        """As `GraphWalks.neighbours`."""
        walks = self._records.graph if permitted_projects() is None else StepwiseWalks(self)
        return await walks.neighbours(center, depth, types, limit)

    async def shortest_path(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        """As `GraphWalks.shortest_path`."""
        walks = self._records.graph if permitted_projects() is None else StepwiseWalks(self)
        return await walks.shortest_path(start, goal, depth)

    async def _of(self, ids: Collection[str]) -> list[Relation]:
        seen = await owners(self._vectors, sorted(ids))
        return [one for some in batches(sorted(seen), _AT_ONCE) for one in await self.touching(some)]


def _seen(where: Filter) -> Filter:
    if (projects := projects_seen()) is None:
        return where
    theirs = Matches("project", tuple(sorted(projects)))
    return Filter((where, theirs)) if where else Filter((theirs,))


async def _no_words(text: str) -> Sequence[str]:
    return ()


def _require_write() -> None:
    require(Scope.WRITE, "write")
    _require_open()


def _require_open() -> None:
    if projects_seen() is not None:
        raise Forbidden("a token that is kept to some projects cannot be used for this; it needs one for all of them")


def _links(relations: Sequence[Relation], ids: Collection[str]) -> Iterator[Link]:
    """Each relation as those of its ends have it that are among the ids."""
    among = set(ids)
    for one in relations:
        for end, other in (_ends(one), _ends(one)[::-1]):
            if end in among:
                yield Link(end, other, one.weight)


def _ends(relation: Relation) -> tuple[str, str]:
    return relation.source_id, relation.target_id


if TYPE_CHECKING:
    _store: type[VectorStore] = PermittedStore
    _database: type[SqlDatabase] = PermittedDatabase
