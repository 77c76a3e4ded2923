"""The knowledge graph: neighbourhoods, paths, and relations made, changed and taken away by hand."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from services.acting import permitted_projects, require_all_seen, seeing_all
from services.errors import Conflict, InvalidInput, NotFound, StoreMismatch, StoreUnavailable
from services.graph.graph_values import GLANCE, Connected, Neighborhood, Node, PathStep
from services.memories.stored_memories import deleted_ends, owners, read_stored
from services.model import Memory, MemoryType, Relation, RelationType, quoted_title
from services.permitted_stores import SeenRelations
from services.ports import NewRelation, VectorStore
from services.records import Records, Transaction
from services.records.relation_states import relation_change, same_relation
from services.settings import Settings
from services.times import writer_zone
from services.unknown_ids import MEMORY_ID, unknown_id

DEEPEST = 10
"""Most relations that a neighbourhood or a path may span."""


class GraphService:
    """Walks the relations and edits them. Ids of chunks count as their memory everywhere."""

    def __init__(self, vectors: VectorStore, records: Records, settings: Settings) -> None:
        self._vectors = vectors
        self._records = records
        self._seen = SeenRelations(vectors, records)
        self._zone = writer_zone(settings)

    async def neighborhood(
        self, center: str, depth: int = 1, types: Sequence[RelationType] = (), limit: int = GLANCE
    ) -> Neighborhood:
        """At most `limit` memories within `depth` (1..10) relations, the centre included, and the edges among them."""
        _check_depth(depth)
        center = await self._owner(center)
        found = await self._seen.neighbours(center, depth, types, limit + 1)
        more, found = len(found) >= limit, found[: limit - 1]
        ids = [center, *(node.id for node in found)]
        memories = await self.memories(ids)
        with seeing_all():
            edges = await self._records.relations.between(ids, types)
        chunked = await self._whole([id_ for id_ in ids if id_ not in memories])
        ways = [((center,), None), *found]
        nodes = tuple(
            Node(id_, len(path) - 1, path, relation, memories.get(id_), chunked.get(id_))
            for id_, (path, relation) in zip(ids, ways, strict=True)
        )
        return Neighborhood(center, depth, tuple(types), nodes, tuple(edges), more)

    async def path(self, start: str, goal: str, depth: int = DEEPEST) -> tuple[PathStep, ...]:
        """One shortest path of at most `depth` relations, walked in either direction. Raises NotFound without one."""
        _check_depth(depth)
        start, goal = await self._owner(start), await self._owner(goal)
        steps = await self._seen.shortest_path(start, goal, depth)
        memories = await self.memories(step.id for step in steps)
        if not steps:
            ends = await self._titles(start, goal)
            raise NotFound(f"no path of at most {depth} relations joins {ends[0]} and {ends[1]}")
        return tuple(
            PathStep(number, step.id, memories.get(step.id), step.relation, step.outgoing if step.relation else None)
            for number, step in enumerate(steps, start=1)
        )

    async def overview(self, limit: int = 100) -> tuple[Connected, ...]:
        """The memories with the most relations, most first."""
        best = await self._records.relations.best_connected(limit)
        memories = await self.memories(memory_id for memory_id, _ in best)
        return tuple(Connected(memory_id, degree, memories.get(memory_id)) for memory_id, degree in best)

    async def superseded(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of these memories that another one supersedes, also one that is not among them."""
        summaries = await self._records.relations.summaries(ids)
        return frozenset(memory_id for memory_id, one in summaries.items() if one.superseded)

    async def superseded_by(self, ids: Sequence[str]) -> dict[str, str]:
        """Of those of these memories that are superseded, the one that did so last, as who acts sees it."""
        found = await self._seen.touching(ids) if ids else []
        wanted = frozenset(ids)
        return {
            one.target_id: one.source_id
            for one in found
            if one.type is RelationType.SUPERSEDES and one.target_id in wanted
        }

    async def memories(self, ids: Iterable[str]) -> dict[str, Memory]:
        """The memories that exist, by id, from all three collections in one batch."""
        stored = await read_stored(self._vectors, ids, embeddings=False)
        return {memory_id: states[0].memory(self._zone) for memory_id, states in stored.items()}

    async def link(self, source: str, target: str, type_: RelationType, weight: float = 1.0) -> Relation:
        """Draws one relation by hand. Raises InvalidInput, NotFound, or Conflict when it is there already."""
        source, target = await self._owner(source), await self._owner(target)
        if made := await self.link_many([NewRelation(source, target, type_, weight)]):
            return made[0]
        there = [one for one in await self.between(source, target) if (one.source_id, one.type) == (source, type_)]
        if not there:
            raise Conflict("one of the two memories was deleted by another program; nothing was written", None)
        ends = await self._titles(source, target)
        raise Conflict(f"{ends[0]} already {type_.label} {ends[1]}; change its weight instead", there[0])

    async def link_many(
        self, relations: Sequence[NewRelation], group: str | None = None, *, marking: bool = False
    ) -> list[Relation]:
        """Draws several in one act; those that exist, or whose ends were deleted since, are left out of the answer.

        Ends are ids of memories; `group` is the change group, a new one when none is given. With `marking`, those that
        exist get the metadata, too, and are in the answer.
        """
        for relation in relations:
            _check(relation.source_id, relation.target_id, relation.weight)
        ends = {end for relation in relations for end in (relation.source_id, relation.target_id)}
        await self._require_seen(ends)
        async with self._transaction() as transaction:
            gone = await deleted_ends(self._vectors, transaction, ends)
            wanted = [one for one in relations if one.source_id not in gone and one.target_id not in gone]
            made = await transaction.relations.insert(wanted)
            changes: list[tuple[Relation | None, Relation]] = [(None, one) for one in made]
            changes += await _marked(transaction, wanted, made) if marking else []
            await transaction.history.append(
                group or str(uuid4()),
                [relation_change(before, after, _summary(before, after)) for before, after in changes],
            )
        await self._mark_related(made)
        return [after for _, after in changes]

    async def _mark_related(self, made: Sequence[Relation]) -> None:
        """Marks semantic memories as related, as MCP Memoria does; nobody may rely on it, so a store may be away."""
        ends = {end for relation in made for end in (relation.source_id, relation.target_id)}
        with contextlib.suppress(StoreUnavailable, StoreMismatch), seeing_all():
            points = [
                point.id
                for states in (await read_stored(self._vectors, ends, embeddings=False)).values()
                for one in states
                if one.state.type is MemoryType.SEMANTIC
                for point in one.points
                if point.payload.get("has_relations") is not True
            ]
            if points:
                await self._vectors.set_payload(MemoryType.SEMANTIC, points, {"has_relations": True})

    async def unlink(self, ids: Sequence[str], seen: Sequence[Relation] = ()) -> list[Relation]:
        """Removes relations in one act; gives those that were there.

        Raises Conflict when one of those that a person has `seen` is another by now.
        """
        async with self._transaction() as transaction:
            there = await transaction.relations.locked(ids)
            await self._require_seen({end for one in there.values() for end in (one.source_id, one.target_id)})
            for one in seen:
                if (now := there.get(one.id)) and not same_relation(now, one):
                    raise Conflict(await self._other(now), now)
            gone = await transaction.relations.delete(ids)
            await transaction.history.append(
                str(uuid4()), [relation_change(relation, None, _summary(relation, None)) for relation in gone]
            )
        return gone

    async def between(self, source: str, target: str) -> list[Relation]:
        """All relations between two memories, in both directions."""
        ids = [await self._owner(source), await self._owner(target)]
        with seeing_all():
            return await self._records.relations.between(ids)

    async def change(self, before: Relation, after: Relation) -> Relation:
        """Gives a relation the type, direction and weight of `after` in one act.

        Raises Conflict when there is such a relation already, and when it is not as the person saw it in `before`, with
        what is there now.
        """
        _check(after.source_id, after.target_id, after.weight)
        async with self._records.transaction() as transaction:
            now = (await transaction.relations.locked([before.id])).get(before.id)
            if now is None:
                raise Conflict("the relation was removed by another program; nothing was written", None)
            if not same_relation(now, before):
                raise Conflict(await self._other(now), now)
            await transaction.relations.update([after])
            await transaction.history.append(str(uuid4()), [relation_change(before, after, _summary(before, after))])
        return after

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        """For who looks at the ends of relations."""
        async with contextlib.AsyncExitStack() as stack:
            with seeing_all():
                transaction = await stack.enter_async_context(self._records.transaction())
            yield transaction

    async def _require_seen(self, ends: Collection[str]) -> None:
        """Raises NotFound when who acts may not know of one of these memories or chunks."""
        if permitted_projects() is not None:
            require_all_seen(ends, await owners(self._vectors, sorted(ends)))

    async def _titles(self, *ids: str) -> list[str]:
        """Memories as messages name them: by their titles, never by their ids."""
        memories = await self.memories(ids)
        return [quoted_title(memories.get(one)) for one in ids]

    async def _other(self, now: Relation) -> str:
        source, target = await self._titles(now.source_id, now.target_id)
        return (
            f"the relation was changed by another program: now {source} {now.type.label} {target}, "
            f"weight {now.weight:g}; nothing was written"
        )

    async def _whole(self, strangers: Sequence[str]) -> dict[str, Memory]:
        """The memories of those ids that are chunks, by the chunk's id."""
        chunks = {id_: owner for id_, owner in (await owners(self._vectors, strangers)).items() if id_ != owner}
        memories = await self.memories(set(chunks.values())) if chunks else {}
        return {id_: memories[owner] for id_, owner in chunks.items() if owner in memories}

    async def _owner(self, memory_id: str) -> str:
        """The memory of an id. An id that only relations know stands for itself, so that orphans can be looked at."""
        if owner := (await owners(self._vectors, [memory_id])).get(memory_id):
            return owner
        require_all_seen([memory_id], ())
        if await self._records.relations.counts([memory_id]):
            return memory_id
        raise unknown_id(MEMORY_ID, memory_id)


async def _marked(
    transaction: Transaction, wanted: Sequence[NewRelation], made: Sequence[Relation]
) -> list[tuple[Relation, Relation]]:
    """Gives those that were there already the metadata of the wanted ones; as they were, and are."""
    new = {(one.source_id, one.target_id, one.type) for one in made}
    metadata = {(one.source_id, one.target_id, one.type): one.metadata for one in wanted}
    there = await transaction.relations.between([end for source, target, _ in metadata for end in (source, target)])
    old = await transaction.relations.locked([one.id for one in there])
    marked = [
        (one, replace(one, metadata={**one.metadata, **metadata[key]}))
        for one in old.values()
        if (key := (one.source_id, one.target_id, one.type)) in metadata and key not in new
        if not metadata[key].items() <= one.metadata.items()
    ]
    await transaction.relations.update([after for _, after in marked])
    return marked


def _check(source: str, target: str, weight: float) -> None:
    if source == target:
        raise InvalidInput("a memory cannot be related to itself; choose another target")
    if not 0 <= weight <= 1:
        raise InvalidInput(f"the weight is {weight:g}; it must be from 0 to 1")


def _check_depth(depth: int) -> None:
    if not 1 <= depth <= DEEPEST:
        raise InvalidInput(f"the depth is {depth}; it must be from 1 to {DEEPEST}")


def _summary(before: Relation | None, after: Relation | None) -> str:
    if before is None or after is None:
        relation = after or before
        assert relation is not None
        verb = "linked" if after else "unlinked"
        return f"{verb} {relation.source_id[:8]} → {relation.type.label} → {relation.target_id[:8]}"
    turned = " and reversed" if before.source_id != after.source_id else ""
    if before.type is not after.type:
        return f'relation "{before.type.label}" became "{after.type.label}"{turned}'
    if turned:
        return f"reversed {before.type.label}"
    if before.weight == after.weight:
        return f"marked {before.type.label}"
    return f"weight {before.weight:g} became {after.weight:g}"
