"""Relations that are not drawn yet but may well be meant: found by likeness, named by cues, decided by a person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict

from services.acting import seeing_all
from services.concurrency import together
from services.graph.graph_service import GraphService
from services.graph.graph_values import Reviewed, ReviewPlace, Suggestion
from services.graph.inference import infer_relation
from services.memories.stored_memories import ONE_EACH, Stored, memory_id_of, read_stored
from services.model import Memory, MemoryType, Relation, RelationCreator, RelationType
from services.points import DenseSearch, Filter, HasId, Matches, Point, Scroll
from services.ports import Clock, NewRelation, VectorStore
from services.records import Records
from services.unknown_ids import MEMORY_ID, unknown_id

_LEAST_LIKENESS = 0.5
"""Cosine below which two memories are not called alike."""
_MOST_CHUNKS = 8
"""Chunks of a long memory that are asked about; they are spread evenly over it."""
_CANDIDATES = 20
_SAME_PROJECT = 0.1
"""What one project is worth in the order, as a difference of confidence."""
_CUES = 0.3
"""Share of the cues in the confidence; the rest is likeness."""
MOST_OF_A_MEMORY = 5
"""Suggestions that concern one memory: the surest few, so that a queue can be decided to its end."""
_LEAST_SURE = 0.5
"""Confidence below which a review suggests nothing."""
_PLACE = "graph_review"
"""Under this name the settings that all programs share keep where a review was left."""
_RESUME = re.compile(rf"(?:{'|'.join(MemoryType)}):\d+:\S+")
_BATCH = 16
"""Memories that one step of a review looks at."""


class SuggestionService:
    """Suggests, of what has not expired, and carries out what the person decides. Nothing is accepted by itself."""

    def __init__(self, vectors: VectorStore, records: Records, graph: GraphService, clock: Clock) -> None:
        self._vectors = vectors
        self._records = records
        self._graph = graph
        self._clock = clock

    async def suggest(self, memory_id: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """For one memory, the surest first; those of its own project before others. Raises NotFound."""
        stored = (await read_stored(self._vectors, [memory_id])).get(memory_id)
        if not stored:
            raise unknown_id(MEMORY_ID, memory_id)
        return (await self._suggest_for([stored[0]]))[:limit]

    async def accept(
        self, suggestions: Sequence[Suggestion], type_: RelationType | None = None, group: str | None = None
    ) -> list[Relation]:
        """Draws them in one act as made by suggestion (`auto`), of another type if given; gives what is new.

        `group` is the change group of the act, by which it can be undone.
        """
        return await self._graph.link_many(
            [
                NewRelation(
                    one.source.id,
                    one.target.id,
                    type_ or one.type,
                    created_by=RelationCreator.AUTO,
                    metadata={"confidence": round(one.confidence, 3), "reason": one.reason},
                )
                for one in suggestions
            ],
            group,
        )

    async def reject(self, suggestions: Sequence[Suggestion]) -> None:
        """Never suggests these pairs again."""
        async with self._records.transaction() as transaction:
            for one in suggestions:
                await transaction.rejected.add(one.source.id, one.target.id, one.type)

    async def unreject(self, source: str, target: str) -> bool:
        """Lets a rejected pair be suggested again; False when it was not rejected."""
        async with self._records.transaction() as transaction:
            return await transaction.rejected.remove(source, target) > 0

    async def review(self, resume_from: str | None = None) -> AsyncIterator[Reviewed]:
        """Looks at every memory in turn, a few a step, each pair once. Stop it at any step and go on from there."""
        counts = await together(*(self._vectors.count(type_, ONE_EACH) for type_ in MemoryType))
        start, reached, after = (resume_from or "::").split(":")
        done, total = int(reached or 0), sum(counts)
        seen: set[frozenset[str]] = set()
        suggested: Counter[str] = Counter()
        types = list(MemoryType)
        for type_ in types[types.index(MemoryType(start)) if start else 0 :]:
            last: str | None = after or None
            while page := await self._vectors.scroll(
                Scroll(type_, _BATCH, ONE_EACH, after_id=last, payload_keys=("parent_id",))
            ):
                last = page[-1].id
                stored = await read_stored(self._vectors, [memory_id_of(point) for point in page])
                found = [
                    one
                    for one in await self._suggest_for([states[0] for states in stored.values()])
                    if _pair(one) not in seen and one.confidence >= _LEAST_SURE
                ]
                seen |= {_pair(one) for one in found}
                found = [one for one in found if _is_among_the_surest(one, suggested)]
                done += len(page)
                yield Reviewed(done, max(done, total), tuple(found), f"{type_.value}:{done}:{last}")
            after = ""
        yield Reviewed(done, done, (), None)

    async def review_place(self) -> ReviewPlace:
        """Where the review was left, also by an earlier start of the program; what cannot be used counts as not set."""
        kept = (await self._records.user_settings.all()).get(_PLACE)
        return _place_of(kept) if isinstance(kept, Mapping) else ReviewPlace()

    async def keep_review_place(self, place: ReviewPlace) -> None:
        """Keeps it for the next start."""
        await self._records.user_settings.set(_PLACE, asdict(place))

    async def _suggest_for(self, stored: Sequence[Stored]) -> tuple[Suggestion, ...]:
        likeness = await self._alike(stored)
        ids = [one.id for one in stored]
        with seeing_all():  # what is related is not suggested
            relations, rejected = await together(
                self._records.relations.touching(ids), self._records.rejected.touching(ids)
            )
        known = {frozenset((relation.source_id, relation.target_id)) for relation in relations}
        known |= {frozenset((source, target)) for source, target, _ in rejected}
        wanted = {pair: score for pair, score in likeness.items() if pair not in known}
        read = await self._graph.memories({memory_id for pair in wanted for memory_id in pair})
        now = self._clock()
        memories = {one: memory for one, memory in read.items() if not memory.expired(now)}
        found = [
            _suggestion(memories[first], memories[second], score)
            for (first, second), score in ((sorted(pair), score) for pair, score in wanted.items())
            if first in memories and second in memories
        ]
        return tuple(sorted(found, key=_rank))

    async def _alike(self, stored: Sequence[Stored]) -> dict[frozenset[str], float]:
        """The best cosine of each pair of a memory given and another one, over all their chunks."""
        questions = [(one.id, point.vector) for one in stored for point in _spread(one.points) if point.vector]
        requests = [
            DenseSearch(
                type_,
                vector,
                _CANDIDATES,
                Filter(must_not=(HasId(frozenset({owner})), Matches("parent_id", (owner,)))),
                payload_keys=("parent_id",),
            )
            for owner, vector in questions
            for type_ in MemoryType
        ]
        best: dict[frozenset[str], float] = {}
        answers = await self._vectors.search(requests) if requests else []
        for place, points in enumerate(answers):
            owner = questions[place // len(MemoryType)][0]
            for point in points:
                parent = point.payload.get("parent_id")
                other = parent if isinstance(parent, str) else point.id
                if point.score >= _LEAST_LIKENESS and other != owner:
                    pair = frozenset((owner, other))
                    best[pair] = max(point.score, best.get(pair, 0.0))
        return best


def _place_of(kept: Mapping[str, object]) -> ReviewPlace:
    resume, least, project, at = (kept.get(name) for name in ("resume_from", "least", "project", "at"))
    known = isinstance(resume, str) and _RESUME.fullmatch(resume)
    pair = tuple(map(str, at)) if isinstance(at, Sequence) and not isinstance(at, str) else ()
    return ReviewPlace(
        resume if known and isinstance(resume, str) else None,
        (pair[0], pair[1]) if len(pair) == 2 else None,
        float(least) if isinstance(least, int | float) and 0 <= least <= 1 else ReviewPlace().least,
        project if isinstance(project, str) else "",
    )


def _spread(points: Sequence[Point]) -> Sequence[Point]:
    step = -(-len(points) // _MOST_CHUNKS)
    return points[:: max(1, step)]


def _pair(one: Suggestion) -> frozenset[str]:
    return frozenset((one.source.id, one.target.id))


def _is_among_the_surest(one: Suggestion, suggested: Counter[str]) -> bool:
    """Counts a suggestion for both its memories, unless one of them has enough; the surest come first."""
    if any(suggested[end.id] >= MOST_OF_A_MEMORY for end in (one.source, one.target)):
        return False
    suggested.update((one.source.id, one.target.id))
    return True


def _suggestion(first: Memory, second: Memory, likeness: float) -> Suggestion:
    inferred = infer_relation(first, second)
    source, target = (first, second) if inferred.forward else (second, first)
    confidence = (1 - _CUES) * min(1.0, likeness) + _CUES * inferred.strength
    reason = f"{likeness:.0%} alike"
    if first.project and first.project == second.project:
        reason += f", both in {first.project}"
    return Suggestion(source, target, inferred.type, confidence, f"{reason}; {inferred.reason}")


def _rank(one: Suggestion) -> tuple[float, str, str]:
    same = bool(one.source.project) and one.source.project == one.target.project
    return (-one.confidence - _SAME_PROJECT * same, one.source.id, one.target.id)
