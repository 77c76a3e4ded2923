"""A restore that replaces the store: a draft is filled and then adopted; the states before stay in the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from services.backup.archive_comparison import DiffStatus, MemoryPairs, Pair
from services.backup.restore_merging import counted, nameable
from services.backup.restore_run import RestoreRun
from services.batches import batches
from services.memories.payload import State
from services.memories.stored_memories import read_stored
from services.model import Action, Entity, content_hash
from services.ports import Draft, NewChange

if TYPE_CHECKING:
    from services.records.restore_staging import RestoreStaging

_SUMMARY = "replaced by a backup"
_BATCH = 150


async def replace(run: RestoreRun) -> Mapping[str, int]:
    """Fills a draft of the collections, changes the tables in one transaction, adopts the draft.

    Saves of memories wait while the tables and the collections are switched, so that none falls between them: of
    embedded stores those of all programs, on servers those of this one.
    Raises Conflict when another draft is under way (a re-embedding).
    """
    vectors = run.target.vectors
    counts: Counter[str] = Counter()
    draft = await vectors.draft()
    if draft is None and run.marker.tables:  # adopted in an earlier life
        return {"memories": run.archive.archive.counts.get("memories", 0)}
    wanted = Draft(f"restore {run.marker.group}", run.vectoring.dimensions, run.vectoring.model)
    if draft is not None and draft.purpose.startswith("restore ") and draft != wanted:
        await vectors.drop_draft()
        draft = None
    if draft is None:
        await run.keep(parts=0)
    await run.fill(await vectors.open_draft(wanted))
    await vectors.prepare_adoption()
    async with run.target.memories.barrier.exclusive("replaces all memories"):
        if not run.marker.tables:
            counts.update(await _tables(run))
        await vectors.adopt_draft()
    await vectors.drop_former()
    return counts


async def _tables(run: RestoreRun) -> Mapping[str, int]:
    async with run.target.tables.staged(counted(run)) as staged:
        counts = Counter({"changes": await staged.bring_history()})
        counts["memories"] = await _record_memories(run, staged)
        counts.update(await staged.replace(run.marker.group))
        await staged.take_outbox()
        await run.keep_tables(staged)
    return counts


async def _record_memories(run: RestoreRun, staged: RestoreStaging) -> int:
    """Writes into the history what becomes of each memory: what is only here lies in the trash afterwards.

    Gives how many are no longer as they were.
    """
    changed = 0
    group, vectors = run.marker.group, run.target.vectors
    pairs = MemoryPairs(vectors, run.archive, run.target.zone)
    async for batch in pairs.batches():
        different = [pair for pair in batch if pair.status is not DiffStatus.SAME]
        changed += len(different)
        await staged.append(group, [_becomes(pair) for pair in different if nameable(pair.archived.id)])
        run.advance(len(batch), "memories")
    async for ids in pairs.only_here():
        for some in batches(ids, _BATCH):
            stored = await read_stored(vectors, some, embeddings=False)
            changed += len(stored)
            await staged.append(
                group, [_change(one, states[0].state, None) for one, states in stored.items() if nameable(one)]
            )
    return changed


def _becomes(pair: Pair) -> NewChange:
    return _change(pair.archived.id, None if pair.here is None else pair.here.state, pair.archived.state)


def _change(memory_id: str, before: State | None, after: State | None) -> NewChange:
    state = after or before
    assert state is not None
    action = Action.DELETED if after is None else Action.CREATED if before is None else Action.UPDATED
    return NewChange(
        Entity.MEMORY,
        memory_id,
        action,
        before.as_json() if before else None,
        after.as_json() if after else None,
        content_hash=content_hash(state.content),
        summary=_SUMMARY,
    )
