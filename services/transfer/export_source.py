"""What an export writes: memories page by page, and the relations among them. Nothing is held but their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from services.acting import seeing_all
from services.batches import batches
from services.memories.stored_memories import Stored, all_stored, read_stored
from services.model import Advance, Memory, MemoryType, Progress, Relation
from services.ports import VectorStore
from services.records import Records
from services.settings import Settings
from services.times import writer_zone

PAGE = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be written; as it stands, everything that who acts may see."""

    ids: Sequence[str] | None = None
    """These memories, in this order; ids of none are passed over."""
    types: Sequence[MemoryType] = ()
    relation_ids: Set[str] | None = None
    """Only these relations; None for all among the memories."""


EVERYTHING = Selection()


class ExportSource:
    """One export: what is read for it, and how much of it was written."""

    def __init__(
        self,
        vectors: VectorStore,
        records: Records,
        settings: Settings,
        exported_at: datetime,
        selection: Selection,
        progress: Advance,
    ) -> None:
        self.vectors, self.records, self.settings = vectors, records, settings
        self.exported_at, self.selection = exported_at, selection
        self.counts: Counter[str] = Counter()
        """What was written, by its name in the plural."""
        self.by_type: Counter[MemoryType] = Counter()
        self.lost: Counter[tuple[str, str]] = Counter()
        """What of single memories and relations was left out: what it is, and the words that follow."""
        self._progress = progress
        self._owner: dict[str, str] = {}
        """The memory of each id that a relation may name, of those that were read."""

    def leave_out(self, noun: str, why: str, number: int) -> None:
        """So many memories or relations that were read are not written."""
        self.counts["memories" if noun == "memory" else "relations"] -= number
        self.lost[noun, why] += number

    async def stored(self, type_: MemoryType | None = None, *, embeddings: bool = False) -> AsyncIterator[list[Stored]]:
        """All memories, or those of a type, page by page; in the order of the selection's ids, where it has some.

        Who needs them twice asks twice.
        """
        ids, done = self.selection.ids, 0
        async for page in self._whole(type_, embeddings) if ids is None else self._chosen(ids, type_, embeddings):
            for one in page:
                if one.id not in self._owner:
                    self.counts["memories"] += 1
                    self.by_type[one.state.type] += 1
                self._owner |= dict.fromkeys(_ids(one), one.id)
            done += len(page)
            self._progress(Progress(done, None if ids is None else len(ids), type_ or "memories"))
            yield page

    async def memories(self) -> AsyncIterator[list[Memory]]:
        """As `stored`, as values."""
        zone = writer_zone(self.settings)
        async for page in self.stored():
            yield [one.memory(zone) for one in page]

    async def relations(self) -> AsyncIterator[list[Relation]]:
        """Relations among the memories that were read, each once, with memories as its ends where it names chunks."""
        seen: set[int] = set()
        for ids in batches(list(self._owner), PAGE):
            yield await self._from(ids, seen)

    async def relations_from(self, memories: Iterable[Stored]) -> list[Relation]:
        """Those of `relations` that start in one of these; to be asked when all memories were read."""
        return await self._from([id_ for one in memories for id_ in _ids(one)], set())

    async def _from(self, ids: Sequence[str], seen: set[int]) -> list[Relation]:
        """Those that start in one of these ids and were not `seen`."""
        with seeing_all():  # those that end in what who acts may not see are left out below
            touching = await self.records.relations.touching(ids)
        here, wanted, found = set(ids), self.selection.relation_ids, []
        for relation in touching:
            source, target = (self._owner.get(end) for end in (relation.source_id, relation.target_id))
            key = hash((source, target, relation.type))
            if wanted is not None and relation.id not in wanted:
                continue
            if source is None or (target is None and relation.source_id in here):
                self.lost["relation", "to memories that are not among them"] += 1
            elif target is not None and relation.source_id in here and source != target and key not in seen:
                seen.add(key)
                found.append(replace(relation, source_id=source, target_id=target))
        self.counts["relations"] += len(found)
        return found

    async def _whole(self, only: MemoryType | None, embeddings: bool) -> AsyncIterator[list[Stored]]:
        wanted = self.selection.types or MemoryType
        for type_ in await self.vectors.info():
            if type_ in wanted and type_ is (only or type_):
                async for page in all_stored(self.vectors, type_, embeddings=embeddings):
                    yield page

    async def _chosen(
        self, ids: Sequence[str], only: MemoryType | None, embeddings: bool
    ) -> AsyncIterator[list[Stored]]:
        for some in batches(list(dict.fromkeys(ids)), PAGE):
            states = await read_stored(self.vectors, some, embeddings=embeddings)
            newest = [states[one][0] for one in some if one in states]
            yield [one for one in newest if only is None or one.state.type is only]


def _ids(stored: Stored) -> list[str]:
    """Those under which relations may name the memory."""
    return [*(point.id for point in stored.points if point.id != stored.id), stored.id]
