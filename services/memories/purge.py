"""Erasing memories for good: text, vectors and history, in both stores. The only act that cannot be undone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from services.errors import Conflict, NotFound
from services.memories.saving import Saver, batches
from services.memories.stored_memories import owners, read_stored
from services.memories.trash import Trash
from services.model import Action, Entity, Kind
from services.ports import NewChange

SUMMARY = "purged"
_PAGE = 1000
"""Deletions read at once."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge erased."""

    memories: int
    changes: int
    """Rows of the history that told of them, or of relations to them."""


async def purge(saver: Saver, trash: Trash, ids: Sequence[str]) -> Purged:
    """Erases memories, those that are not in the trash are put there first; of each remains a line in the history.

    Raises NotFound when one is neither stored nor in the trash, Conflict when its points are not gone yet.
    """
    if stored := await owners(saver.vectors, ids):
        await trash.delete(sorted(set(stored.values())))
    wanted = list(dict.fromkeys(ids))
    async with saver.locked(wanted):
        ends = await _ends(saver, trash, wanted)
        lines = [NewChange(Entity.MEMORY, one, Action.DELETED, None, None, summary=SUMMARY) for one in wanted]
        async with saver.records.transaction() as transaction:
            await transaction.locks.acquire(wanted)
            waiting = any(mark.waiting for mark in (await transaction.outbox.marks(wanted)).values())
            parts = [await read_stored(saver.vectors, batch, embeddings=False) for batch in batches(wanted)]
            if waiting or any(parts):
                raise Conflict("a memory that was to be purged is still stored, or came back: nothing was purged", None)
            changes = await transaction.history.purge(wanted, ends)
            await transaction.history.append(str(uuid.uuid4()), lines, kind=Kind.PURGE)
    await saver.records.history.reclaim()
    return Purged(len(wanted), changes)


async def _ends(saver: Saver, trash: Trash, ids: Sequence[str]) -> list[str]:
    """The ids by which relations may name these memories of the trash. Raises NotFound."""
    missing, ends, offset = set(ids), set(ids), 0
    while missing and (page := await saver.records.trash.deletions(_PAGE, offset)):
        mine = [change for change in page if change.entity_id in missing]
        ends |= await asyncio.to_thread(lambda found: {end for one in found for end in trash.ends_of(one)}, mine)
        missing -= {change.entity_id for change in mine}
        offset += len(page)
    if missing:
        raise NotFound(f"{', '.join(sorted(missing)[:3])}: not in the trash; nothing was purged")
    return sorted(ends)
