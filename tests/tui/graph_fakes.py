"""The graph and its suggestions in memory, over the same store as the other fakes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.errors import NotFound
from services.graph.graph_service import GraphService
from services.graph.graph_values import Connected, Neighborhood, Node, PathStep, Reviewed, ReviewPlace, Suggestion
from services.graph.suggestions import SuggestionService
from services.model import Memory, Relation, RelationCreator, RelationType
from services.ports import NewRelation

if TYPE_CHECKING:
    from tests.tui.fakes import Store


@dataclass
class FakeGraph(GraphService):
    """Walks breadth-first, as the real one does."""

    store: Store
    chunks: dict[str, str] = field(default_factory=dict)
    """Chunk id → memory id."""

    async def neighborhood(
        self, center: str, depth: int = 1, types: Sequence[RelationType] = (), limit: int = 500
    ) -> Neighborhood:
        self.store.check()
        if center not in self.store.memories and not self.store.relations_of(center):
            raise NotFound(f"no memory has the id {center}")
        memories = self.store.memories
        nodes = [Node(center, 0, (center,), None, memories.get(center))]
        edges = [one for one in self.store.relations if not types or one.type in types]
        meeting: dict[str, list[tuple[str, Relation]]] = defaultdict(list)
        for edge in edges:
            meeting[edge.source_id].append((edge.target_id, edge))
            meeting[edge.target_id].append((edge.source_id, edge))
        seen = {center}
        for node in nodes:
            for other, edge in meeting[node.id] if node.depth < depth else ():
                if other not in seen:
                    seen.add(other)
                    whole = memories.get(self.chunks.get(other, ""))
                    nodes.append(
                        Node(other, node.depth + 1, (*node.path, other), edge.type, memories.get(other), whole)
                    )
        among = [one for one in edges if one.source_id in seen and one.target_id in seen]
        return Neighborhood(center, depth, tuple(types), tuple(nodes[:limit]), tuple(among), len(nodes) > limit)

    async def superseded(self, ids: Sequence[str]) -> frozenset[str]:
        edges = self.store.relations
        return frozenset(one.target_id for one in edges if one.type is RelationType.SUPERSEDES and one.target_id in ids)

    async def path(self, start: str, goal: str, depth: int = 10) -> tuple[PathStep, ...]:
        around = await self.neighborhood(start, depth)
        found = around.node(goal)
        if found is None:
            raise NotFound(f"no path of at most {depth} relations joins {start[:8]} and {goal[:8]}")
        steps = []
        for number, (here, following) in enumerate(zip(found.path, (*found.path[1:], ""), strict=True), 1):
            edge = next((one for one in around.edges if {one.source_id, one.target_id} == {here, following}), None)
            kind, outgoing = (edge.type, edge.source_id == here) if edge else (None, None)
            steps.append(PathStep(number, here, self.store.memories.get(here), kind, outgoing))
        return tuple(steps)

    async def overview(self, limit: int = 100) -> tuple[Connected, ...]:
        if self.store.hangs is not None:
            await self.store.hangs.wait()
        self.store.check()
        ends = [end for one in self.store.relations for end in (one.source_id, one.target_id)]
        best = sorted(set(ends), key=lambda end: (-ends.count(end), end))
        return tuple(Connected(end, ends.count(end), self.store.memories.get(end)) for end in best[:limit])

    async def link_many(
        self, relations: Sequence[NewRelation], group: str | None = None, *, marking: bool = False
    ) -> list[Relation]:
        self.store.check()
        known = {(one.source_id, one.target_id, one.type) for one in self.store.relations}
        made = [
            Relation(
                f"made-{len(self.store.relations) + place}",
                one.source_id,
                one.target_id,
                one.type,
                one.weight,
                one.created_by,
            )
            for place, one in enumerate(relations)
            if (one.source_id, one.target_id, one.type) not in known
        ]
        if made:
            self.store.remember("linked", group)
            self.store.relations = [*self.store.relations, *made]
            for one in made:
                if one.type is RelationType.SUPERSEDES:
                    self.store.unreviewed.pop(one.source_id, None)
        return made

    async def unlink(self, ids: Sequence[str], seen: Sequence[Relation] = ()) -> list[Relation]:
        self.store.check()
        self.store.remember("unlinked")
        gone = [one for one in self.store.relations if one.id in ids]
        self.store.relations = [one for one in self.store.relations if one.id not in ids]
        return gone

    async def change(self, before: Relation, after: Relation) -> Relation:
        self.store.check()
        self.store.remember("changed")
        self.store.relations = [after if one.id == before.id else one for one in self.store.relations]
        return after


@dataclass
class FakeSuggestions(SuggestionService):
    """Suggests what it is given, without what was accepted or rejected."""

    store: Store
    graph: FakeGraph
    given: list[Suggestion] = field(default_factory=list)
    rejected: list[Suggestion] = field(default_factory=list)
    place: ReviewPlace = field(default_factory=lambda: ReviewPlace(least=0.0))
    pause: float = 0.0
    """Seconds that a step of a review takes."""

    async def suggest(self, memory_id: str, limit: int = 10) -> tuple[Suggestion, ...]:
        self.store.check()
        return tuple(one for one in self._open() if memory_id in (one.source.id, one.target.id))[:limit]

    async def accept(
        self, suggestions: Sequence[Suggestion], type_: RelationType | None = None, group: str | None = None
    ) -> list[Relation]:
        return await self.graph.link_many(
            [
                NewRelation(one.source.id, one.target.id, type_ or one.type, created_by=RelationCreator.AUTO)
                for one in suggestions
            ],
            group,
        )

    async def reject(self, suggestions: Sequence[Suggestion]) -> None:
        self.rejected += suggestions

    async def unreject(self, source: str, target: str) -> bool:
        before = len(self.rejected)
        self.rejected = [one for one in self.rejected if {one.source.id, one.target.id} != {source, target}]
        return len(self.rejected) < before

    async def review_place(self) -> ReviewPlace:
        return self.place

    async def keep_review_place(self, place: ReviewPlace) -> None:
        self.place = place

    async def review(self, resume_from: str | None = None) -> AsyncIterator[Reviewed]:
        total = len(self.given)
        for place in range(int(resume_from or 0), total):
            await asyncio.sleep(self.pause)
            self.store.check()
            new = tuple(one for one in self._open() if one is self.given[place])
            yield Reviewed(place + 1, total, new, str(place + 1))
        yield Reviewed(total, total, (), None)

    def _open(self) -> list[Suggestion]:
        drawn = [{one.source_id, one.target_id} for one in self.store.relations]
        return [one for one in self.given if one not in self.rejected and {one.source.id, one.target.id} not in drawn]


def suggested(source: Memory, target: Memory, type_: RelationType, confidence: float = 0.8) -> Suggestion:
    """One suggestion with a reason."""
    return Suggestion(source, target, type_, confidence, f'{confidence:.0%} alike, both in api; "fixed" in the source')
