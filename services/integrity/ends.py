"""Which memory an end of a relation means, and what a repair makes of relations that end elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.integrity.model import DefectKind
from services.memories.reading import memory_id_of
from services.model import MemoryType, Relation
from services.points import Filter, HasId, Matches, Scroll
from services.ports import VectorStore
from services.records.relations import Relations
from services.together import together

Key = tuple[str, str, str]
"""Source, target and type: no two relations have the same."""


async def owners_of(vectors: VectorStore, ids: Collection[str]) -> dict[str, str]:
    """As `services.memories.reading.owners`, without reading any text."""
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


def planned(ends: Ends, kinds: Mapping[str, Collection[DefectKind]], taken: set[Key] | None = None) -> EndsPlan:
    """The plan for those of the relations that have kinds; what is in order by now is in no part of it.

    `taken` are the relations that other parts of the same plan lead to; it grows by those of this one.
    """
    made, owned = EndsPlan(), ends.owned
    taken = set() if taken is None else taken
    taken |= {_key(one) for one in ends.there}
    for relation in ends.relations:
        if relation.id not in kinds:
            continue
        missing = [end for end in (relation.source_id, relation.target_id) if end not in owned]
        if missing and DefectKind.ORPHANS in kinds[relation.id]:
            made.removed[relation.id] = f"repaired: {'an end is' if len(missing) == 1 else 'both ends are'} no memory"
            continue
        source, target = (owned.get(end, end) for end in (relation.source_id, relation.target_id))
        after = replace(relation, source_id=source, target_id=target)
        if after == relation:
            continue
        if source == target:
            made.removed[relation.id] = "repaired: joined a memory with itself"
        elif _key(after) in taken:
            made.removed[relation.id] = "repaired: says what another relation says"
        else:
            taken.add(_key(after))
            made.moved.append((relation, after))
    return made


def _key(relation: Relation) -> Key:
    return relation.source_id, relation.target_id, relation.type.value
