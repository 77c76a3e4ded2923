"""Near-identical memories: found by vectors and words, told when one saves, merged or kept apart by a person.

A scan goes through all memories in the order of their ids and writes down what it finds and how far it is; later ones
look at what was changed since. That two memories are both to stay is a relation between them, as that one supersedes
the other is: it has its history and its undo, and goes with them wherever they go.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import combinations

from services.batches import batches
from services.curation.facts import differing_facts, is_read_whole
from services.errors import MemoriaError
from services.graph.graph_service import GraphService
from services.memories.memory_service import MemoryService
from services.memories.merging import Merge
from services.memories.stored_memories import ONE_EACH, Stored, chunk_index, memory_id_of, newest, pages, read_stored
from services.model import Memory, MemoryType, RelationType
from services.points import DatedBetween, DenseSearch, Filter, Point, Scroll
from services.ports import Clock, NewRelation, SwitchableStore
from services.records import Records
from services.records.duplicates import KEPT_APART, StoredPair
from services.secret_texts import told
from services.settings import Settings
from services.times import to_wall_clock, writer_zone
from services.together import together

_LEAST_COSINE, _ALIKE = 0.8, 0.96
"""Cosine from which words are compared, and from which they need not be the same ones."""
_LEAST_SHARED, _SAME_MEANING = 0.75, 0.5
"""Share of the words that both have, in general and where the cosine is that high."""
_NEAREST = 10
"""Points that are looked at around each memory."""
_PAGE, _BATCH = 200, 32
"""Memories that are read, and looked at, at once."""
_MOST_WORDS = 2_000
"""Words of a text that are compared."""
_MOST_PAIRS = 2_000
"""Pairs that are put into clusters at once: the most alike."""
_OVERLAP = timedelta(minutes=5)
"""By which clocks of other programs may differ."""
_HINT = 60
"""Characters of a title in a hint."""
_WORD = re.compile(r"\w+")
_NEVER = datetime.min.replace(tzinfo=UTC)


class Alike(StrEnum):
    """In what way two memories are alike."""

    SAME = "same"
    """The same text, but for blanks and case."""
    NEAR = "near"
    """Nearly all words, and no fact differs."""
    MEANING = "meaning"
    """By their vectors, in other words."""
    DIFFERS = "differs"
    """Nearly all words, but numbers, dates or a negation differ."""


DUPLICATES = (Alike.SAME, Alike.NEAR, Alike.MEANING)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A memory that is nearly another one."""

    memory: Memory
    cosine: float
    shared: float
    """Share of their words that both have in the same order, 0..1."""
    kind: Alike


@dataclass(frozen=True, slots=True)
class Cluster:
    """Memories that are nearly the same; each of the others is like the one that would be kept."""

    kept: Memory
    others: tuple[Duplicate, ...]
    """The most alike first."""


@dataclass(frozen=True, slots=True)
class ScanStep:
    """How far a scan is."""

    done: int
    total: int
    found: int
    """Pairs that this scan found so far."""


@dataclass(slots=True)
class _Scan:
    """What is written down of a scan, as JSON."""

    type: str = ""
    """The collection that is scanned; "" once all are."""
    after: str | None = None
    """The last memory of it that was looked at."""
    done: int = 0
    change: int = 0
    """The newest change when it began."""
    begun: str = ""
    """When it began, as stamps are written."""
    waiting: list[str] = field(default_factory=list)
    """Memories that had no vector yet."""


class DuplicateService:
    """Finds and resolves near-identical memories. Raises StoreUnavailable."""

    def __init__(
        self,
        vectors: SwitchableStore,
        records: Records,
        memories: MemoryService,
        graph: GraphService,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._graph = graph
        self._zone = writer_zone(settings)
        self._clock = clock

    # finding

    async def scan(self, *, again: bool = False) -> AsyncIterator[ScanStep]:
        """Goes on where the last scan stopped, then looks at what was changed since; `again` begins from the start.

        Stop it at any step: what was found by then is written down.
        """
        stored = {} if again else await self._records.duplicates.scan()
        scan = _Scan(**stored) if stored else await self._begin()  # type: ignore[arg-type]  # as it was written
        if scan.type:
            async for step in self._scan_all(scan):
                yield step
        async for step in self._scan_changed(scan):
            yield step

    async def _begin(self) -> _Scan:
        now = to_wall_clock(self._clock() - _OVERLAP, self._zone)
        return _Scan(next(iter(MemoryType)), None, 0, await self._records.history.newest(), now.isoformat())

    async def _scan_all(self, scan: _Scan) -> AsyncIterator[ScanStep]:
        total = sum(await together(*(self._vectors.count(one, ONE_EACH) for one in MemoryType)))
        types, found = list(MemoryType), 0
        for type_ in types[types.index(MemoryType(scan.type)) :]:
            scan.type = type_
            request = Scroll(type_, _PAGE, ONE_EACH, after_id=scan.after, payload_keys=_TEXT, with_vectors=True)
            async for page in pages(self._vectors, request):
                pairs = await self._look(type_, page, scan)
                found += len(pairs)
                scan.done, scan.after = scan.done + len(page), page[-1].id
                await self._keep(scan, pairs, ())
                yield ScanStep(scan.done, max(total, scan.done), found)
            scan.after = None
        scan.type = ""
        await self._keep(scan, (), ())

    async def _scan_changed(self, scan: _Scan) -> AsyncIterator[ScanStep]:
        """What this program's history or the stamps of others say was written since."""
        goal = await self._begin()
        since = Filter((DatedBetween("updated_at", gte=datetime.fromisoformat(scan.begun)),))
        changed = {*scan.waiting, *await self._records.duplicates.changed(scan.change)}
        for type_ in MemoryType if self._vectors.shared else ():
            request = Scroll(type_, _PAGE, since, payload_keys=("parent_id",))
            changed |= {memory_id_of(point) async for page in pages(self._vectors, request) for point in page}
        done, found = 0, 0
        goal.type = ""
        for batch in batches(sorted(changed), _BATCH):
            there = {id_: newest(states)[0] for id_, states in (await read_stored(self._vectors, batch)).items()}
            pairs: dict[tuple[str, str], StoredPair] = {}
            for type_ in MemoryType:
                first = [one.points[0] for one in there.values() if one.state.type is type_]
                pairs |= {(one.one, one.other): one for one in await self._look(type_, first, goal, both=True)}
            done, found = done + len(batch), found + len(pairs)
            await self._keep(None, list(pairs.values()), batch)
            yield ScanStep(done, len(changed), found)
        await self._keep(goal, (), ())

    async def _keep(self, scan: _Scan | None, pairs: Sequence[StoredPair], again: Sequence[str]) -> None:
        async with self._records.transaction() as transaction:
            if again:
                await transaction.duplicates.drop(again)
            if pairs:
                await transaction.duplicates.add(pairs)
            if scan is not None:
                state = {name: getattr(scan, name) for name in _Scan.__slots__}
                await transaction.duplicates.reached(state)

    async def _look(
        self, type_: MemoryType, points: Sequence[Point], scan: _Scan, *, both: bool = False
    ) -> list[StoredPair]:
        """Pairs of these memories with any other one. `both` also looks in the collections scanned before."""
        scan.waiting += [memory_id_of(point) for point in points if not point.vector]
        types = list(MemoryType)
        others = types if both else types[types.index(type_) :]
        found: dict[tuple[str, str], StoredPair] = {}
        for batch in batches([point for point in points if point.vector], _BATCH):
            near = await self._near(batch, others)
            texts = await self._texts({hit for hits in near.values() for hit, _ in hits})
            texts |= {memory_id_of(point): _text(point) for point in batch}
            cosines = {
                (min(one, other), max(one, other)): cosine
                for one, hits in ((memory_id_of(point), near[point.id]) for point in batch)
                for other, cosine in hits
                if other in texts
            }
            new = {pair: cosine for pair, cosine in cosines.items() if pair not in found}
            found |= await asyncio.to_thread(_pairs, texts, new)
        return list(found.values())

    async def _near(self, points: Sequence[Point], types: Sequence[MemoryType]) -> dict[str, list[tuple[str, float]]]:
        """Of each point the memories whose first chunks are near, with their cosines."""
        requests = [
            DenseSearch(type_, point.vector or (), _NEAREST, payload_keys=("parent_id", "chunk_index"))
            for point in points
            for type_ in types
        ]
        answers = await self._vectors.search(requests)
        found: dict[str, list[tuple[str, float]]] = {point.id: [] for point in points}
        for place, hits in enumerate(answers):
            point = points[place // len(types)]
            found[point.id] += [
                (memory_id_of(hit), hit.score)
                for hit in hits
                if hit.score >= _LEAST_COSINE and not chunk_index(hit) and memory_id_of(hit) != memory_id_of(point)
            ]
        return found

    async def _texts(self, ids: Iterable[str]) -> dict[str, str]:
        stored = await read_stored(self._vectors, ids, embeddings=False)
        return {id_: newest(states)[0].state.content for id_, states in stored.items()}

    async def nearest(self, memory: Memory) -> Duplicate | None:
        """What a memory that was just saved is nearly the same as, whatever its type; None: nothing, or no vector yet.

        Pairs that a person keeps apart count too: the text may have been another one then.
        """
        states = (await read_stored(self._vectors, [memory.id])).get(memory.id)
        if not states or not states[0].points[0].vector:
            return None
        pairs = await self._look(states[0].state.type, [states[0].points[0]], _Scan(), both=True)
        best = max((one for one in pairs if one.kind in DUPLICATES), key=lambda one: one.shared, default=None)
        if best is None:
            return None
        other = await self._memories.get(best.one if best.other == memory.id else best.other)
        return Duplicate(other, best.cosine, best.shared, Alike(best.kind))

    async def hint(self, memory: Memory) -> str:
        """«has a password, nearly the same as 1fec6d88 "the first line"», of a memory that was just saved.

        "" for neither. Never raises: it was saved.
        """
        hints = [f"has {secrets}"] if (secrets := told(memory.content)) else []
        with contextlib.suppress(MemoriaError):
            if near := await self.nearest(memory):
                hints.append(f'nearly the same as {near.memory.id[:8]} "{near.memory.title[:_HINT]}"')
        return ", ".join(hints)

    # what was found

    async def counts(self) -> Mapping[Alike, int]:
        """Pairs on which nobody decided, as the last scan found them; some may be gone by now."""
        return {Alike(kind): number for kind, number in (await self._records.duplicates.counts()).items()}

    async def clusters(self, kinds: Sequence[Alike] = DUPLICATES, above: float = 0.0) -> tuple[Cluster, ...]:
        """The most alike first, of pairs that share at least so much of their words; of 2,000 pairs at most.

        No memory is in two clusters as one of the others.
        """
        pairs = [one for one in await self._records.duplicates.pairs(kinds, _MOST_PAIRS) if one.shared >= above]
        stored = await read_stored(
            self._vectors, {id_ for one in pairs for id_ in (one.one, one.other)}, embeddings=False
        )
        memories = {id_: newest(states)[0].memory(self._zone) for id_, states in stored.items()}
        return _clusters([one for one in pairs if one.one in memories and one.other in memories], memories)

    async def among(self, ids: Sequence[str]) -> tuple[Cluster, ...]:
        """Those of these memories that are there as one cluster, however little they are alike; none of one alone."""
        stored = await read_stored(self._vectors, ids, embeddings=False)
        memories = [newest(states)[0].memory(self._zone) for states in stored.values()]
        return (await asyncio.to_thread(one_cluster, memories),) if len(memories) > 1 else ()

    # deciding

    async def merge(self, merges: Sequence[tuple[Memory, Sequence[Memory]]], text: str | None = None) -> int:
        """Each first one stays with its text, or with `text`, and gets what the others have: tags, relations, sessions.

        One act; gives how many memories went to the trash. Raises Conflict when one is not as it was looked at.
        """
        ids = [one.id for kept, others in merges for one in (kept, *others)]
        stored = await read_stored(self._vectors, ids, embeddings=False)
        ends = {id_: _ends(id_, stored.get(id_, ())) for id_ in ids}
        return await self._memories.merge(
            [
                Merge(kept, tuple(others), {one.id: ends[one.id] for one in (kept, *others)}, text or kept.content)
                for kept, others in merges
            ]
        )

    async def keep_apart(self, memories: Sequence[Memory]) -> int:
        """Remembers in one act that all of them are to stay: they are related, and no longer called duplicates."""
        made = await self._graph.link_many(
            [
                NewRelation(one.id, other.id, RelationType.RELATED, metadata={KEPT_APART: True})
                for one, other in combinations(memories, 2)
            ],
            marking=True,
        )
        return len(made)


_TEXT = ("parent_id", "chunk_index", "content", "full_content")


def _text(point: Point) -> str:
    whole = point.payload.get("full_content")
    return whole if isinstance(whole, str) else str(point.payload.get("content", ""))


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as it is compared."""

    whole: str
    plain: str
    """Without what two texts of `Alike.SAME` may differ in."""
    words: Sequence[str]

    @classmethod
    def of(cls, whole: str) -> _Text:
        return cls(whole, " ".join(whole.split()).casefold(), _WORD.findall(whole.casefold())[:_MOST_WORDS])


def _pairs(texts: Mapping[str, str], cosines: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], StoredPair]:
    """Those of the pairs that are alike. It takes its time: not for the event loop."""
    cut = {id_: _Text.of(texts[id_]) for id_ in {id_ for pair in cosines for id_ in pair}}
    found = {key: (cosine, _compared(cut[key[0]], cut[key[1]], cosine)) for key, cosine in cosines.items()}
    return {key: StoredPair(*key, cosine, *alike) for key, (cosine, alike) in found.items() if alike}


def compare(here: str, there: str, cosine: float) -> tuple[float, Alike] | None:
    """How much of their words two texts share, 0..1, and in what way they are alike; None: they are not."""
    return _compared(_Text.of(here), _Text.of(there), cosine)


def _compared(here: _Text, there: _Text, cosine: float) -> tuple[float, Alike] | None:
    from rapidfuzz.distance import Indel  # later: a short command that saves hardly ever compares

    if here.plain == there.plain:
        return 1.0, Alike.SAME
    least = _SAME_MEANING if cosine >= _ALIKE else _LEAST_SHARED
    shared = Indel.normalized_similarity(here.words, there.words, score_cutoff=least)
    if shared < least:
        return None
    if differing_facts(here.whole, there.whole):
        return shared, Alike.DIFFERS
    return shared, Alike.NEAR if shared >= _LEAST_SHARED else Alike.MEANING


def one_cluster(memories: Sequence[Memory]) -> Cluster:
    """Two memories or more, each beside the one that would be kept."""
    kept, *others = sorted(memories, key=_rank)
    alike = ((one, compare(kept.content, one.content, 1.0)) for one in others)
    return Cluster(kept, tuple(Duplicate(one, 0.0, *(found or (0.0, Alike.MEANING))) for one, found in alike))


def _clusters(pairs: Sequence[StoredPair], memories: Mapping[str, Memory]) -> tuple[Cluster, ...]:
    """Around the best of each pair, all that are like it and in no other cluster."""
    near: dict[str, dict[str, StoredPair]] = {}
    for pair in pairs:
        near.setdefault(pair.one, {})[pair.other] = pair
        near.setdefault(pair.other, {})[pair.one] = pair
    taken: set[str] = set()
    found = []
    for pair in pairs:
        if pair.one in taken or pair.other in taken:
            continue
        kept = min((memories[pair.one], memories[pair.other]), key=_rank)
        others = sorted((it for id_, it in near[kept.id].items() if id_ not in taken), key=lambda it: -it.shared)
        ids = [it.other if it.one == kept.id else it.one for it in others]
        taken |= {kept.id, *ids}
        told = (
            Duplicate(memories[id_], it.cosine, it.shared, Alike(it.kind)) for id_, it in zip(ids, others, strict=True)
        )
        found.append(Cluster(kept, tuple(told)))
    return tuple(found)


def _rank(memory: Memory) -> tuple[object, ...]:
    """The most important one stays; of equal ones the most used, then the oldest."""
    return -memory.importance, -memory.access_count, memory.created_at or _NEVER, memory.id


def _ends(memory_id: str, states: Sequence[Stored]) -> tuple[str, ...]:
    """Ids by which relations may name it."""
    return tuple(dict.fromkeys((memory_id, *(point.id for one in states for point in one.points))))


def mergeable(clusters: Sequence[Cluster]) -> tuple[Cluster, ...]:
    """What of them can be merged without looking at each: of one type and project, and their texts say the same."""
    sure = []
    for one in clusters:
        fit = tuple(
            other
            for other in one.others
            if other.kind in (Alike.SAME, Alike.NEAR)
            and (other.memory.project, other.memory.type) == (one.kept.project, one.kept.type)
            and _says_the_same(other.memory.content, one.kept.content)
        )
        if fit:
            sure.append(replace(one, others=fit))
    return tuple(sure)


def _says_the_same(here: str, there: str) -> bool:
    """As the texts are now: what a scan found may be of other ones, and of long ones it read the beginning only."""
    found = compare(here, there, _LEAST_COSINE)
    kind = found[1] if found else None
    return kind is Alike.SAME or (kind is Alike.NEAR and is_read_whole(here) and is_read_whole(there))
