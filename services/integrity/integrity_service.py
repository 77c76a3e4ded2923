"""Integrity of memories and relations: a look at everything, and repairs that can be taken back."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID, uuid4

from services.integrity.ends import Ends, EndsPlan, Key, planned, read_ends
from services.integrity.mending import NEST, SAME, mended, outcomes, told
from services.integrity.model import REPAIRABLE, Defect, DefectKind, Finding, Keep, Repaired, Survey
from services.integrity.stale import Stale, confirmed, explained, find_stale, mended_stale, oldest_stamps
from services.memories.chunking import chunk_id, chunks
from services.memories.current import Current
from services.memories.memory_service import MemoryService
from services.memories.payload import logical
from services.memories.reading import Stored, chunk_index, memory_id_of, read_stored
from services.memories.repairing import Mended
from services.model import MemoryType, Progress, Relation
from services.points import EVERYTHING, Between, Filter, Matches, Point, Scroll
from services.ports import NewChange, VectorStore
from services.records import Records, Transaction
from services.records.relation_states import relation_change, same_relation
from services.records.relations import Relations
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
        async for batch in self._records.relations.all(_PAGE):
            relations += len(batch)
            for relation in batch:
                for kind in _wrong_ends(relation, places):
                    found[kind].append(Defect(kind, relation.id, relation))
            progress(Progress(relations, None, "Looking at relations"))
        await self._remember_chunks(places, found)
        for kind, ids in (await self._against_history(progress)).items():
            found[kind] = [Defect(kind, one) for one in sorted(ids)]
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

    async def _against_history(self, progress: Advance) -> Mapping[DefectKind, set[str]]:
        """Memories whose text is not the one that their newest change left, and those that are older than that change.

        Two statements for each page of memories.
        """
        changed, stale, looked = set[str](), set[str](), 0
        for type_ in MemoryType:
            async for page in self._points(
                type_, Filter(must_not=(NOT_FIRST,)), ("parent_id", "content", "full_content", "updated_at")
            ):
                texts = {memory_id_of(point): str(logical(point.payload).get("content", "")) for point in page}
                known = await self._records.history.known_hashes(list(texts))
                changed |= {one for one, known_hash in known.items() if _hash(texts[one]) != known_hash}
                stale |= (await find_stale(self._vectors, self._records, oldest_stamps(page))).keys()
                looked += len(page)
                progress(Progress(looked, None, "Comparing texts"))
        return {DefectKind.CHANGED: changed - stale, DefectKind.STALE: stale}

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
        ends = await read_ends(self._vectors, self._records.relations, relations.values(), _former(defects))
        ids = {defect.id for defect in defects if defect.relation is None} | set(ends.owned.values())
        stored = {one: states[0] for one, states in (await read_stored(self._vectors, ids, embeddings=False)).items()}
        moves = {one.id: await self.foresee([one]) for one in defects if one.kind is DefectKind.HEADLESS}
        older = await self._stale(_kinds(defects))
        return tuple(
            self._of_memory(defect, stored.get(defect.id), moves.get(defect.id), older)
            if defect.relation is None
            else self._of_relation(defect, defect.relation, ends, stored)
            for defect in defects
        )

    async def _stale(self, kinds: Mapping[str, Collection[DefectKind]]) -> Mapping[str, Stale]:
        """Those that are older than their newest change still."""
        ids = [one for one, of in kinds.items() if DefectKind.STALE in of]
        return await confirmed(self._vectors, self._records, ids)

    def _of_memory(
        self, defect: Defect, stored: Stored | None, moves: Repaired | None, older: Mapping[str, Stale]
    ) -> Finding:
        if stored is None:
            return Finding(defect, (None,), "was deleted meanwhile", "")
        memory = stored.memory(self._zone)
        if defect.kind is DefectKind.CHANGED:
            return Finding(defect, (memory,), "another program changed its text since it was last saved here", "")
        if defect.kind is DefectKind.STALE:
            if defect.id not in older:
                return Finding(defect, (memory,), "is in order by now", "")
            return Finding(defect, (memory,), *explained(older[defect.id]))
        what, repair = told(stored, defect.kind, len(self._cut(stored.state.content)))
        if repair and moves and (moves.moved or moves.removed):
            repair += f"; this would {replace(moves, memories=0).intent}"
        choices = outcomes(stored, self._zone) if defect.kind is DefectKind.UNEVEN else {}
        return Finding(defect, (memory,), what, repair, choices)

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

    async def repair(
        self, defects: Sequence[Defect], *, keep: Keep = Keep.FIRST, progress: Advance = quiet
    ) -> Repaired:
        """Repairs defects as one act; what is in order by now stays as it is. `keep` answers `Finding.outcomes`.

        All of it is one transaction, then the points follow. Raises StoreUnavailable, StoreReadOnly, SchemaMissing, or
        Conflict when others write the same relations at the moment.
        """
        group, kinds = str(uuid4()), _kinds(defects)
        total = len(kinds)
        relations, former = await self._related(defects, kinds), _former(defects)
        memories = [one for one in kinds if one not in relations]
        older = await self._stale(kinds)
        done, finished = Repaired(group), 0

        def advance(number: int) -> None:
            nonlocal finished
            finished = min(finished + number, total)
            progress(Progress(finished, total, "Repairing"))

        def mend(current: Current) -> Mended | None:
            advance(1)
            if stale := older.get(current.id):
                return mended_stale(current, stale, keep)
            return mended(current.stored[0], kinds[current.id], keep, self._zone)

        async def relate(transaction: Transaction) -> Sequence[NewChange]:
            nonlocal done
            made = await self._plan_ends(Relations(transaction.connection), list(relations.values()), kinds, former)
            rows = await _write_ends(transaction, made)
            removed = sum(row.after is None for row in rows)
            done = replace(done, moved=len(rows) - removed, removed=removed)
            advance(len(relations))
            return rows

        count = await self._memories.mend(memories, mend, group=group, also=relate)
        done = replace(done, memories=count)
        _log.info("repaired: %s", done.summary)
        return done

    async def foresee(self, defects: Sequence[Defect]) -> Repaired:
        """What a repair would do, as far as it can be told; writes nothing."""
        kinds = _kinds(defects)
        relations = await self._related(defects, kinds)
        made = await self._plan_ends(self._records.relations, list(relations.values()), kinds, _former(defects))
        return Repaired("", sum(one not in relations for one in kinds), len(made.moved), len(made.removed))

    async def _related(self, defects: Sequence[Defect], kinds: dict[str, set[DefectKind]]) -> dict[str, Relation]:
        """The relations of the defects, and those that end in chunks of memories that are to be cut again.

        These chunks may go, so such a relation is brought to its memory; it is added to the kinds.
        """
        relations = {one.id: one.relation for one in defects if one.relation is not None}
        for batch in _batches([one for one, of in kinds.items() if DefectKind.HEADLESS in of]):
            where = Filter((Matches("parent_id", tuple(batch)),))
            ids = [
                point.id
                for type_ in MemoryType
                async for page in self._points(type_, where, ("parent_id",))
                for point in page
            ]
            for relation in await self._records.relations.touching(ids):
                relations.setdefault(relation.id, relation)
                kinds.setdefault(relation.id, set()).add(DefectKind.CHUNK_ENDS)
        return relations

    async def _plan_ends(
        self,
        table: Relations,
        relations: Sequence[Relation],
        kinds: Mapping[str, Collection[DefectKind]],
        former: Mapping[str, str],
    ) -> EndsPlan:
        """What to do with the ends of all relations together: of two that would say the same, one stays."""
        made, taken = EndsPlan(), set[Key]()
        for batch in _batches(relations):
            some = planned(await read_ends(self._vectors, table, batch, former), kinds, taken)
            made.moved.extend(some.moved)
            made.removed.update(some.removed)
        return made


async def _write_ends(transaction: Transaction, made: EndsPlan) -> list[NewChange]:
    """Writes it for those relations that nobody changed since they were read; gives the rows for the history."""
    rows: list[NewChange] = []
    for ids in _batches(list(made.removed)):
        rows += [relation_change(one, None, made.removed[one.id]) for one in await transaction.relations.delete(ids)]
    for pairs in _batches(made.moved):
        there = await transaction.relations.locked([before.id for before, _ in pairs])
        still = [(b, a) for b, a in pairs if b.id in there and same_relation(there[b.id], b)]
        await transaction.relations.update([after for _, after in still])
        rows += [relation_change(before, after, "repaired: ends in the memory") for before, after in still]
    return rows


def _kinds(defects: Sequence[Defect]) -> dict[str, set[DefectKind]]:
    """What is to be repaired, by the id of the memory or relation."""
    kinds: dict[str, set[DefectKind]] = {}
    for defect in defects:
        if defect.kind in REPAIRABLE:
            kinds.setdefault(defect.id, set()).add(defect.kind)
    return kinds


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
