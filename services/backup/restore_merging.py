"""A restore into a store that holds something: what is missing comes, what is newer wins, nothing here is lost."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from services.backup.archive_comparison import DiffStatus, MemoryPairs, Pair
from services.backup.restore_run import RestoreRun
from services.memories.chunking import chunks
from services.memories.payload import State, read_memory, same_but_for_looks
from services.memories.stored_memories import canonical, read_stored
from services.memories.storing_many import Incoming
from services.model import Action, Entity, Kind
from services.ports import NewChange

if TYPE_CHECKING:
    from services.memories.stored_memories import Stored
    from services.memories.storing_many import StoringAct
    from services.records.archive_tables import LastChange, Rows
    from services.records.restore_staging import RestoreStaging


async def merge(run: RestoreRun) -> Mapping[str, int]:
    """Tables first, in one transaction, then the memories in one act of the same group; each can be repeated."""
    target = run.target
    await target.memories.recover()  # what a killed life left in the outbox is done first
    async with target.tables.staged(counted(run)) as staged:
        counts = Counter({"changes": await staged.bring_history()})
        await _stay_as_here(run, staged)
        counts.update(await staged.merge(run.marker.group))
        await run.keep_tables(staged)
    with target.memories.storing(run.marker.group, Kind.RESTORE) as act:
        counts["memories"] = await _plan(run, act)
        await act.write(applied=lambda number: run.advance(number, "memories"))
        counts["memories"] += act.count
    return counts


async def _plan(run: RestoreRun, act: StoringAct) -> int:
    """Compares the memories, and plans to write those that are missing or older here; gives how many it wrote itself.

    Those are memories that the history cannot name.
    """
    target, written = run.target, 0
    async for batch in MemoryPairs(target.vectors, run.archive, target.zone).batches():
        wanted = [pair for pair in batch if pair.status in (DiffStatus.NEW, DiffStatus.NEWER)]
        named = [pair for pair in wanted if nameable(pair.archived.id)]
        for pair in wanted:
            if not nameable(pair.archived.id):
                await target.vectors.upsert(pair.archived.state.type, await run.vectoring.of(pair.archived.points))
                written += 1
        usable = await run.vectoring.reason() is None
        items = await asyncio.to_thread(lambda: [_incoming(run, pair, usable=usable) for pair in named])  # noqa: B023 - awaited at once
        planned = act.count
        await act.take(items)
        run.advance(len(batch) - (act.count - planned), "memories")
    return written


async def counted(run: RestoreRun) -> AsyncIterator[Rows]:
    """The archive's rows, told to whoever watches."""
    async for rows in run.archive.rows():
        yield rows
        run.advance(rows.count, rows.table.partition(".")[2])


def nameable(memory_id: str) -> bool:
    """Whether the history can name the memory: other programs may have given theirs plain numbers."""
    return canonical(memory_id) == memory_id


def _incoming(run: RestoreRun, pair: Pair, *, usable: bool) -> Incoming:
    archived, target = pair.archived, run.target
    memory = read_memory(archived.id, archived.state, target.zone)
    vectors = tuple(point.vector for point in archived.points if point.vector is not None)
    cut = chunks(archived.state.content, target.settings.chunk_size, target.settings.chunk_overlap)
    if not usable or archived.texts != cut or len(vectors) != len(cut):
        return Incoming(memory)
    return Incoming(memory, vectors, run.vectoring.model)


async def _stay_as_here(run: RestoreRun, staged: RestoreStaging) -> None:
    """Takes back, in the history, what the appended part of it tells of memories that stay as they are here.

    Else a memory that was deleted in the archive's store would lie in the trash here, though it lives; and an undo
    would try to take back what was never done here.
    """
    async for changes in staged.appended_memories():
        stored = await read_stored(run.target.vectors, [one.memory_id for one in changes], embeddings=False)
        kept: dict[str, list[NewChange]] = {}
        for change in changes:
            if (states := stored.get(change.memory_id)) and not _same(run, change, states[0]):
                kept.setdefault(change.group, []).append(_kept_as_here(change, states[0]))
        for group, rows in kept.items():
            await staged.append(str(uuid.uuid4()), rows, kind=Kind.OUTSIDE, undoes=group)


def _same(run: RestoreRun, change: LastChange, here: Stored) -> bool:
    after = None if change.after is None else State.from_json(change.after)
    return after is not None and same_but_for_looks(after, here.state, change.memory_id, run.target.zone)


def _kept_as_here(change: LastChange, here: Stored) -> NewChange:
    state = here.state.as_json()
    action = Action.RESTORED if change.after is None else Action.UPDATED
    return NewChange(
        Entity.MEMORY, change.memory_id, action, change.after or state, state, summary="kept as it is here"
    )
