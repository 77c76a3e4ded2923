"""Memories that another program deleted for good: the history still has them, so they go to the trash."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.errors import StoreUnavailable
from services.memories.chunking import chunk_id
from services.memories.current_state import Current
from services.memories.payload import State
from services.memories.saving import Saver
from services.memories.stored_memories import read_stored
from services.memories.write_plans import Plan
from services.model import Action, Entity, Kind, MemoryType
from services.points import Filter, HasId, Scroll

UNASKED = 20
"""Most memories that are taken for deleted without asking: where more are gone, a store was emptied or is another."""
_PAGE = 1000
_LOOKS, _REST = 5, 0.3
"""How often, and how many seconds apart, a shared store must lack all its collections to have lost them."""
SUMMARY = "deleted by another program, noticed then"


@dataclass(frozen=True, slots=True)
class Missing:
    """Memories that live by the history and have no point."""

    ids: tuple[str, ...]
    living: int
    """Memories that live by the history."""
    store_is_gone: bool = False
    """Whether the vector store has no collection at all."""

    @property
    def many(self) -> bool:
        """Whether so many are gone that a person has to decide."""
        return self.store_is_gone or len(self.ids) > UNASKED or len(self.ids) == self.living > 1

    @property
    def summary_line(self) -> str:
        """One line: how many are gone, and what can be done."""
        count = len(self.ids)
        if not self.many:
            what = "memory was" if count == 1 else "memories were"
            return f"{count} {what} deleted by another program; restore them from the trash"
        return (
            f"{count:,} of the {self.living:,} memories that the history knows are not in the vector store: it was "
            "emptied, or is another one (MEMORIA_HOME, MEMORIA_QDRANT_HOST); `memoria-tui restore BACKUP` brings all "
            "back, `memoria-tui trash missing` puts them into the trash, which brings back each"
        )


class OutsideDeletions:
    """Compares the memories of the history with those of the vector store."""

    def __init__(self, saver: Saver, *, shared: bool, rest: float = _REST) -> None:
        """`shared`: whether other programs write into the vector store; `rest`: seconds between two looks at it."""
        self._saver = saver
        self._looks = _LOOKS if shared else 1
        self._rest = rest

    async def find(self) -> Missing:
        """Reads ids only, 1,000 at a time. Raises StoreUnavailable, also where only some collections can be read."""
        missing: list[str] = []
        living, last, is_gone = 0, str(uuid.UUID(int=0)), False
        while page := await self._saver.records.history.living_memories(last, _PAGE):
            if not living:
                is_gone = await self._is_gone()
            missing += await self._absent(page)
            living, last = living + len(page), page[-1]
        if missing and await self._is_gone() is not is_gone:
            raise StoreUnavailable("the vector store is being made or filled; try again in a moment")
        return Missing(tuple(missing), living, is_gone)

    async def notice(self) -> Missing:
        """Puts those that are missing into the trash, unless they are many; gives what it found. Raises as `find`."""
        found = await self.find()
        if found.ids and not found.many:
            await self.accept(found.ids)
        return found

    async def accept(self, ids: Sequence[str]) -> int:
        """Puts memories without points into the trash, as what another program deleted; those that are back stay."""
        return await self._saver.change(str(uuid.uuid4()), ids, self._deletions, kind=Kind.OUTSIDE)

    async def _deletions(self, currents: Mapping[str, Current]) -> list[Plan]:
        plans = []
        for current in currents.values():
            newest = await self._saver.records.history.changes_of(Entity.MEMORY, current.id, limit=1)
            if current.state is None and newest and newest[0].after is not None:
                known = replace(current, state=State.from_json(newest[0].after))
                plans.append(known.plan(None, Action.DELETED, SUMMARY))
        return plans

    async def _absent(self, ids: Sequence[str]) -> list[str]:
        """Those without any point: neither their own, nor their first chunk, nor a later one."""
        points = {chunk_id(one, 0): one for one in ids} | {one: one for one in ids}
        where = Filter((HasId(frozenset(points)),))
        there: set[str] = set()
        for type_ in MemoryType:
            found = await self._saver.vectors.scroll(Scroll(type_, 2 * len(ids), where, payload_keys=()))
            there.update(points[point.id] for point in found)
        absent = [one for one in ids if one not in there]
        stored = await read_stored(self._saver.vectors, absent, embeddings=False) if absent else {}
        return [one for one in absent if one not in stored]

    async def emptied(self) -> str:
        """What to tell of a store without any point whose history knows memories; "" for any other store."""
        if any(found.points for found in (await self._saver.vectors.info()).values()):
            return ""
        found = await self.find()
        return found.summary_line if found.ids else ""

    async def _is_gone(self) -> bool:
        """Whether it has no collection at all, for a while.

        Raises StoreUnavailable where it has some: a store that is being made, filled or switched lacks others then.
        """
        for look in range(self._looks):
            await asyncio.sleep(self._rest if look else 0)
            lacking = set(MemoryType) - (await self._saver.vectors.info()).keys()
            if not lacking:
                return False
            if len(lacking) < len(MemoryType):
                named = ", ".join(sorted(lacking))
                raise StoreUnavailable(f"the vector store lacks the collection {named}; try again in a moment")
        return True
