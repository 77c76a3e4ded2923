"""Integrity of memories and relations: a look at everything, and repairs that can be taken back."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID, uuid4

from services.graph.state import relation_change
from services.integrity.ends import Ends, planned, read_ends
from services.integrity.mending import NEST, SAME, mended, told
from services.integrity.model import REPAIRABLE, Defect, DefectKind, Finding, Repaired, Survey
from services.memories.chunking import chunk_id, chunks
from services.memories.mending import Mended
from services.memories.payload import logical
from services.memories.reading import Stored, chunk_index, memory_id_of, read_stored
from services.memories.service import MemoryService
from services.model import Kind, MemoryType, Progress, Relation
from services.points import EVERYTHING, Between, Filter, Matches, Point, Scroll
from services.ports import NewChange, Records, VectorStore
from services.search.headless import NOT_FIRST
from services.settings import Settings
from services.times import writer_zone

_log = logging.getLogger(__name__)

_PAGE = 500
"""Points or relations read at once: few enough that the event loop is not held up."""
_BATCH = 100
"""Memories or relations repaired in one transaction."""

_CHUNKED = Between("chunk_index", gte=0)
_FORMER = 16
"""Chunks that a memory may have had beyond those it has: their ids are tried for the ends of orphaned relations."""
_CHUNK_VERSION = 5
"""Of the UUIDs of chunks: an end with one of another version never was a chunk."""

Advance = Callable[[Progress], None]
Thing = TypeVar("Thing")


def quiet(progress: Progress) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class _Places:
    """What the points say, as far as defects go."""

    memories: set[str] = field(default_factory=set)
    chunks: dict[str, str] = field(default_factory=dict)
    """Id of a chunk → its memory."""
    counts: dict[str, int] = field(default_factory=dict)
    """Of a chunked memory, the place of its last chunk."""
    headless: list[str] = field(default_factory=list)
    nested: set[str] = field(default_factory=set)


class IntegrityService:
    """Finds and repairs what other programs left in disorder."""

    def __init__(self, vectors: VectorStore, records: Records, memories: MemoryService, settings: Settings) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._settings = settings
        self._zone = writer_zone(settings)

    # looking

    async def survey(self, *, progress: Advance = quiet) -> Survey:
        """Looks at every point and every relation once; writes nothing. Raises StoreUnavailable."""
        places = await self._places(progress)
        found: dict[DefectKind, list[Defect]] = {kind: [] for kind in DefectKind}
        found[DefectKind.HEADLESS] = [Defect(DefectKind.HEADLESS, one) for one in places.headless]
        found[DefectKind.NESTED] = [Defect(DefectKind.NESTED, one) for one in sorted(places.nested)]
        found[DefectKind.UNEVEN] = [Defect(DefectKind.UNEVEN, one) for one in await self._uneven()]
        relations = 0
        async for batch in self._records.all_relations(_PAGE):
            relations += len(batch)
            for relation in batch:
                for kind in _wrong_ends(relation, places):
                    found[kind].append(Defect(kind, relation.id, relation))
            progress(Progress(relations, None, "Looking at relations"))
        await self._remember_chunks(places, found)
        found[DefectKind.CHANGED] = [Defect(DefectKind.CHANGED, one) for one in await self._changed(progress)]
        return Survey({kind: tuple(defects) for kind, defects in found.items()}, len(places.memories), relations)

    async def _remember_chunks(self, places: _Places, found: dict[DefectKind, list[Defect]]) -> None:
        """Adds to relations whose ends are nothing now what these once were; in a thread, for there may be many."""
        wrong = [*found[DefectKind.CHUNK_ENDS], *found[DefectKind.ORPHANS]]
        ends = {end for one in wrong for end in _ends(one.relation)} - places.memories - places.chunks.keys()
        ends = {end for end in ends if UUID(end).version == _CHUNK_VERSION}
        if not ends:
            return
        once = await asyncio.to_thread(_once_chunks, places, ends)
        for kind in (DefectKind.CHUNK_ENDS, DefectKind.ORPHANS):
            found[kind] = [
                replace(one, former={end: once[end] for end in _ends(one.relation) if end in once})
                for one in found[kind]
            ]

    async def _places(self, progress: Advance) -> _Places:
        places, looked = _Places(), 0
        for type_ in MemoryType:
            first: set[str] = set()
            later: set[str] = set()
            async for page in self._points(type_, EVERYTHING, ("parent_id", "chunk_index", NEST)):
                for point in page:
                    memory_id = memory_id_of(point)
                    index = chunk_index(point) or 0
                    (later if index > 0 else first).add(memory_id)
                    if point.id != memory_id:
                        places.chunks[point.id] = memory_id
                        places.counts[memory_id] = max(index, places.counts.get(memory_id, 0))
                    if isinstance(point.payload.get(NEST), Mapping):
                        places.nested.add(memory_id)
                looked += len(page)
                progress(Progress(looked, None, "Looking at memories"))
            places.memories |= first | later
            places.headless += sorted(later - first)
        return places

    async def _uneven(self) -> list[str]:
        """Memories with chunks that differ under keys which all of them share."""
        looks: dict[str, int] = {}
        uneven: set[str] = set()
        for type_ in MemoryType:
            async for page in self._points(type_, Filter((_CHUNKED,)), ("parent_id", *SAME)):
                for point in page:
                    memory_id, look = memory_id_of(point), hash(repr([point.payload.get(key) for key in SAME]))
                    if looks.setdefault(memory_id, look) != look:
                        uneven.add(memory_id)
        return sorted(uneven)

    async def _changed(self, progress: Advance) -> list[str]:
        """Memories whose text is not the one that their newest change left."""
        changed, looked = [], 0
        for type_ in MemoryType:
            async for page in self._points(
                type_, Filter(must_not=(NOT_FIRST,)), ("parent_id", "content", "full_content")
            ):
                texts = {memory_id_of(point): str(logical(point.payload).get("content", "")) for point in page}
                known = await self._records.known_hashes(list(texts))
                changed += [one for one, known_hash in known.items() if _hash(texts[one]) != known_hash]
                looked += len(page)
                progress(Progress(looked, None, "Comparing texts"))
        return sorted(changed)

    async def _points(self, type_: MemoryType, where: Filter, keys: tuple[str, ...]) -> AsyncIterator[list[Point]]:
        after: str | None = None
        while page := await self._vectors.scroll(Scroll(type_, _PAGE, where, after_id=after, payload_keys=keys)):
            yield page
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def describe(self, defects: Sequence[Defect]) -> tuple[Finding, ...]:
        """What a person needs to decide about each, in order; for as many as fit on a screen or two."""
        relations = {one.id: one.relation for one in defects if one.relation is not None}
        ends = await read_ends(self._vectors, self._records, relations.values(), _former(defects))
        ids = {defect.id for defect in defects if defect.relation is None} | set(ends.owned.values())
        stored = {one: states[0] for one, states in (await read_stored(self._vectors, ids, embeddings=False)).items()}
        return tuple(
            self._of_memory(defect, stored.get(defect.id))
            if defect.relation is None
            else self._of_relation(defect, defect.relation, ends, stored)
            for defect in defects
        )

    def _of_memory(self, defect: Defect, stored: Stored | None) -> Finding:
        if stored is None:
            return Finding(defect, (None,), "was deleted meanwhile", "")
        memory = stored.memory(self._zone)
        if defect.kind is DefectKind.CHANGED:
            return Finding(defect, (memory,), "another program changed its text since it was last saved here", "")
        return Finding(defect, (memory,), *told(stored, defect.kind, len(self._cut(stored.state.content))))

    def _of_relation(self, defect: Defect, found: Relation, ends: Ends, stored: Mapping[str, Stored]) -> Finding:
        where = {"source": found.source_id, "target": found.target_id}
        owners = [stored.get(ends.owned.get(end, "")) for end in where.values()]
        memories = tuple(owner.memory(self._zone) if owner else None for owner in owners)
        if all(one.id != found.id for one in ends.relations):
            return Finding(defect, memories, "was changed or removed meanwhile", "")
        strangers = [side for side, end in where.items() if end not in ends.owned]
        lost = [side for side, end in where.items() if end in defect.former]
        chunks_ = [side for side, end in where.items() if ends.owned.get(end, end) != end and side not in lost]
        what = [_told(strangers, "no memory", "no memories")] if strangers else []
        what += [_told(lost, "a chunk that is gone", "chunks that are gone")] if lost else []
        what += [_told(chunks_, "a chunk", "chunks")] if chunks_ else []
        made = planned(ends, {found.id: {defect.kind}})
        if why := made.removed.get(found.id):
            reason = "" if strangers else f": it {why.removeprefix('repaired: ')}"
            repair = f"removed{reason}; the history keeps it"
        else:
            repair = "ends in the memory itself" if made.moved else ""
        return Finding(defect, memories, ", ".join(what) or "is in order by now", repair)

    def _cut(self, text: str) -> tuple[str, ...]:
        return chunks(text, self._settings.chunk_size, self._settings.chunk_overlap)

    # repairing

    async def repair(self, defects: Sequence[Defect], *, progress: Advance = quiet) -> Repaired:
        """Repairs defects as one act; what is in order by now stays as it is.

        Stopped in the middle, what was done stays done and is taken back together. Raises StoreUnavailable,
        StoreReadOnly, SchemaMissing, or Conflict when others write the same relations at the moment.
        """
        done, finished = Repaired(str(uuid4())), 0
        kinds: defaultdict[str, set[DefectKind]] = defaultdict(set)
        for defect in defects:
            if defect.kind in REPAIRABLE:
                kinds[defect.id].add(defect.kind)
        relations = {one.id: one.relation for one in defects if one.relation is not None}
        memories, former = [one for one in kinds if one not in relations], _former(defects)

        def mend(stored: Stored) -> Mended | None:
            return mended(stored, kinds[stored.id])

        for batch in _batches(memories):
            headless = [one for one in batch if DefectKind.HEADLESS in kinds[one]]
            done = await self._repair_ends_in(headless, former, done)
            done = replace(done, memories=done.memories + await self._memories.mend(batch, mend, group=done.group))
            finished += len(batch)
            progress(Progress(finished, len(kinds), "Repairing"))
        for ends in _batches(list(relations.values())):
            done = await self._repair_ends(ends, kinds, former, done)
            finished += len(ends)
            progress(Progress(finished, len(kinds), "Repairing"))
        _log.info("repaired: %s", done.summary)
        return done

    async def _repair_ends_in(self, headless: Sequence[str], former: Mapping[str, str], done: Repaired) -> Repaired:
        """Moves relations from and to chunks of memories that are to be cut anew: these chunks may go."""
        if not headless:
            return done
        where = Filter((Matches("parent_id", tuple(headless)),))
        ids = [
            point.id
            for type_ in MemoryType
            async for page in self._points(type_, where, ("parent_id",))
            for point in page
        ]
        relations = await self._records.relations_of(ids)
        return await self._repair_ends(relations, {one.id: {DefectKind.CHUNK_ENDS} for one in relations}, former, done)

    async def _repair_ends(
        self,
        relations: Sequence[Relation],
        kinds: Mapping[str, Collection[DefectKind]],
        former: Mapping[str, str],
        done: Repaired,
    ) -> Repaired:
        made = planned(await read_ends(self._vectors, self._records, relations, former), kinds)
        if not made.moved and not made.removed:
            return done
        async with self._records.transaction() as transaction:
            removed = await transaction.delete_relations(list(made.removed))
            await transaction.update_relations([after for _, after in made.moved])
            changes: list[NewChange] = [relation_change(one, None, made.removed[one.id]) for one in removed]
            changes += [relation_change(*one, "repaired: ends in the memory") for one in made.moved]
            await transaction.append_history(done.group, changes, kind=Kind.REPAIR)
        return replace(done, moved=done.moved + len(made.moved), removed=done.removed + len(removed))


def _wrong_ends(relation: Relation, places: _Places) -> list[DefectKind]:
    kinds = []
    strangers = [end for end in (relation.source_id, relation.target_id) if end not in places.memories]
    if any(end in places.chunks for end in strangers):
        kinds.append(DefectKind.CHUNK_ENDS)
    if any(end not in places.chunks for end in strangers):
        kinds.append(DefectKind.ORPHANS)
    return kinds


def _once_chunks(places: _Places, ends: Collection[str]) -> dict[str, str]:
    """Those of the ends that have the id of a chunk which a memory had before its text became shorter.

    A memory that is one plain point now may have had chunks as well.
    """
    found: dict[str, str] = {}
    for memory_id in places.memories:
        made = (chunk_id(memory_id, index) for index in range(places.counts.get(memory_id, 0) + _FORMER))
        found |= {end: memory_id for end in made if end in ends}
        if len(found) == len(ends):
            break
    return found


def _ends(relation: Relation | None) -> tuple[str, ...]:
    return (relation.source_id, relation.target_id) if relation else ()


def _former(defects: Sequence[Defect]) -> dict[str, str]:
    return {end: memory for defect in defects for end, memory in defect.former.items()}


def _batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    return (things[start : start + _BATCH] for start in range(0, len(things), _BATCH))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _told(ends: Sequence[str], one: str, several: str) -> str:
    """«the source is a chunk», «source and target are chunks»."""
    return f"the {ends[0]} is {one}" if len(ends) == 1 else f"{' and '.join(ends)} are {several}"
