"""Relations that end in no memory: found in one pass, explained, and planned together for a repair."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.concurrency import together
from services.integrity.check import IN_ORDER, PAGE, Check, Explanation, Facts, Scan
from services.integrity.defects import Defect
from services.integrity.places import Places, read_places
from services.memories.chunking import chunk_id
from services.memories.stored_memories import memory_id_of
from services.model import MemoryType, Progress, Relation
from services.points import Filter, HasId, Matches, Scroll
from services.ports import VectorStore
from services.records.relations import Relations

Key = tuple[str, str, str]
"""Source, target and type: no two relations have the same."""
_FORMER = 16
"""Chunks that a memory may have had beyond those it has: their ids are tried for the ends of orphaned relations."""
_CHUNK_VERSION = 5
"""Of the UUIDs of chunks: an end with one of another version never was a chunk."""


async def owners_of(vectors: VectorStore, ids: Collection[str]) -> dict[str, str]:
    """As `services.memories.stored_memories.owners`, without reading any text."""
    where = Filter((HasId(frozenset(ids)),))
    pages = await together(
        *(vectors.scroll(Scroll(type_, len(ids), where, payload_keys=("parent_id",))) for type_ in MemoryType)
    )
    found = [(point.id, memory_id_of(point)) for page in pages for point in page]
    owned = dict(found) | {own: own for id_, own in found if id_ == own}
    if rest := tuple(sorted(one for one in ids if one not in owned)):
        chunked = Filter((Matches("parent_id", rest),))
        counts = await together(*(vectors.facet(type_, "parent_id", chunked, len(rest)) for type_ in MemoryType))
        owned |= {one: one for parents in counts for one in parents}
    return owned


@dataclass(frozen=True, slots=True)
class EndsPlan:
    """What to do with some relations."""

    moved: list[tuple[Relation, Relation]] = field(default_factory=list)
    """Before and after."""
    removed: dict[str, str] = field(default_factory=dict)
    """Ids, with why."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Some relations as they are now, and what is known about their ends."""

    relations: tuple[Relation, ...]
    owned: Mapping[str, str]
    """The memory of each end that has one."""
    there: Sequence[Relation]
    """All relations between these ends and memories."""


async def read_ends(
    vectors: VectorStore, table: Relations, relations: Collection[Relation], former: Mapping[str, str]
) -> Ends:
    """Reads relations again, with `former` chunks taken for their memories, if those exist.

    Those that were removed, or got other ends meanwhile, are left out.
    """
    ends = {end for one in relations for end in (one.source_id, one.target_id)}
    wanted = {(one.id, one.source_id, one.target_id) for one in relations}
    owned = await owners_of(vectors, ends | set(former.values())) if ends else {}
    owned = {end: owned[memory] for end, memory in former.items() if memory in owned} | owned
    there = await table.between(sorted(ends | set(owned.values()))) if ends else []
    now = tuple(one for one in there if (one.id, one.source_id, one.target_id) in wanted)
    return Ends(now, owned, there)


def planned(ends: Ends, checks: Mapping[str, Collection[Check]], taken: set[Key] | None = None) -> EndsPlan:
    """The plan for those of the relations that checks found; what no longer needs repair is in no part of it.

    `taken` are the relations that other parts of the same plan lead to; it grows by those of this one.
    """
    made, taken = EndsPlan(), set() if taken is None else taken
    taken |= {_key(one) for one in ends.there}
    for relation in ends.relations:
        repairs = [check.repair_relation for check in checks.get(relation.id, ()) if check.repair_relation]
        results = [repair(relation, ends.owned) for repair in repairs]
        if why := next((one for one in results if isinstance(one, str)), None):
            made.removed[relation.id] = f"repaired: {why}"
            continue
        after = next((one for one in results if isinstance(one, Relation) and one != relation), None)
        if after is None:
            continue
        if after.source_id == after.target_id:
            made.removed[relation.id] = "repaired: link of a memory to itself"
        elif _key(after) in taken:
            made.removed[relation.id] = "repaired: duplicate relation"
        else:
            taken.add(_key(after))
            made.moved.append((relation, after))
    return made


def between_owners(relation: Relation, owned: Mapping[str, str]) -> Relation:
    """The relation between the memories of its ends."""
    source, target = (owned.get(end, end) for end in ends_of(relation))
    return replace(relation, source_id=source, target_id=target)


def ends_of(relation: Relation) -> tuple[str, str]:
    return relation.source_id, relation.target_id


def _key(relation: Relation) -> Key:
    return relation.source_id, relation.target_id, relation.type.value


@dataclass(frozen=True, slots=True)
class WrongEnds:
    """What a pass over all relations found."""

    relations: int
    """How many there are."""
    in_chunks: list[Relation]
    """With an end that is a chunk."""
    in_nothing: list[Relation]
    """With an end that is neither a memory nor a chunk."""
    former: Mapping[str, str]
    """Of these ends, those that were chunks once, with their memory."""


async def read_wrong_ends(scan: Scan) -> WrongEnds:
    places = await scan.once(read_places)
    count, in_chunks, in_nothing, nothing = 0, list[Relation](), list[Relation](), set[str]()
    async for batch in scan.stores.records.relations.all(PAGE):
        count += len(batch)
        for relation in batch:
            strangers = [end for end in ends_of(relation) if end not in places.memories]
            lost = [end for end in strangers if end not in places.chunks]
            in_chunks += [relation] if len(lost) < len(strangers) else []
            in_nothing += [relation] if lost else []
            nothing.update(lost)
        scan.progress(Progress(count, None, "Checking relations"))
    derived = {end for end in nothing if UUID(end).version == _CHUNK_VERSION}
    former = await asyncio.to_thread(_once_chunks, places, derived) if derived else {}
    return WrongEnds(count, in_chunks, in_nothing, former)


def _once_chunks(places: Places, ends: Collection[str]) -> dict[str, str]:
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


def found_by(check: Check, relations: Sequence[Relation], wrong: WrongEnds) -> list[Defect]:
    former = wrong.former
    return [
        Defect(check, one.id, one, {end: former[end] for end in ends_of(one) if end in former}) for one in relations
    ]


async def explain_ends(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    there = {one.id for one in facts.ends.relations}
    gone = Explanation("was changed or removed since the check")
    return [_explained(one, one.relation, facts.ends) if one.relation and one.id in there else gone for one in defects]


def _explained(defect: Defect, relation: Relation, ends: Ends) -> Explanation:
    where = {"source": relation.source_id, "target": relation.target_id}
    strangers = [side for side, end in where.items() if end not in ends.owned]
    lost = [side for side, end in where.items() if end in defect.former]
    chunks = [side for side, end in where.items() if ends.owned.get(end, end) != end and side not in lost]
    what = [_are(strangers, "no memory", "no memories")] if strangers else []
    what += [_are(lost, "a chunk that is gone", "chunks that are gone")] if lost else []
    what += [_are(chunks, "a chunk", "chunks")] if chunks else []
    made = planned(ends, {relation.id: {defect.check}})
    if why := made.removed.get(relation.id):
        reason = "" if strangers else f": {why.removeprefix('repaired: ')}"
        repair = f"removed{reason}; the history keeps it"
    else:
        repair = "ends in the memory itself" if made.moved else ""
    return Explanation(", ".join(what) or IN_ORDER.what, repair)


def _are(ends: Sequence[str], one: str, several: str) -> str:
    """«the source is a chunk», «source and target are chunks»."""
    return f"the {ends[0]} is {one}" if len(ends) == 1 else f"{' and '.join(ends)} are {several}"
