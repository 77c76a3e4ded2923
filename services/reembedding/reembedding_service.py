"""Re-embedding: a draft set of collections is filled while the other is in use, compared with it, and adopted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from services.batches import batches
from services.concurrency import BoundedTasks, together
from services.errors import Conflict, StorageFull, StoreReadOnly, StoreUnavailable
from services.files import readable_size
from services.memories.stored_memories import ONE_EACH, Stored, all_stored, count_memories
from services.memories.write_barrier import WriteBarrier
from services.model import Advance, MemoryType, Progress, no_progress
from services.ports import Draft, Embedder, SwitchableStore, VectorStore
from services.reembedding.digests import Digests, digest, digests, newest_of, quick_digests
from services.reembedding.filling import Filling
from services.reembedding.reembed_values import (
    SHARED_MODELS,
    ReembedPlan,
    ReembedReport,
    ReembedState,
    Target,
    missing_settings,
    named,
)
from services.settings import Settings

_log = logging.getLogger(__name__)

PURPOSE = "reembed"
_BATCH = 500
"""Memories embedded and written at once."""
_FEW = 200
"""Changes made meanwhile that may be left for the moment in which saves wait."""
_MOST_PASSES = 20
"""After so many the store is taken as it is at a moment in which saves wait, however much others write."""

_TOGETHER = 4
"""Batches under way at once: some are embedded while the store writes the others."""

OpenEmbedder = Callable[[Target], AbstractAsyncContextManager[Embedder]]


@dataclass(slots=True)
class _Run:
    """One run, as far as it is."""

    filling: Filling
    source: VectorStore
    draft: VectorStore
    total: int
    progress: Advance
    done: int = 0
    embedded: int = 0
    changed: int = 0
    """Memories written or deleted in the pass under way."""
    what: str = "memories"
    seen: dict[MemoryType, Digests] = field(default_factory=dict)
    """What the set in use was like at the last pass."""

    def advance(self, memories: int) -> None:
        self.done += memories
        self.progress(Progress(min(self.done, self.total), self.total, self.what))


class ReembeddingService:
    """Moves the memories to another model. Everything that was finished stays when a run is stopped."""

    def __init__(
        self, vectors: SwitchableStore, open_embedder: OpenEmbedder, settings: Settings, barrier: WriteBarrier
    ) -> None:
        self._vectors = vectors
        self._open_embedder = open_embedder
        self._settings = settings
        self._barrier = barrier

    async def state(self) -> ReembedState:
        """Raises StoreUnavailable or StoreMismatch."""
        draft, former, model, info = await together(
            self._vectors.draft(), self._vectors.former(), self._vectors.model(), self._vectors.info()
        )
        mine = draft is not None and draft.purpose == PURPOSE
        return ReembedState(
            model=model,
            dimensions=next((one.dimensions for one in info.values()), 0),
            memories=await count_memories(self._vectors),
            draft=draft,
            done=await self._done() if mine else 0,
            former=former,
        )

    async def _done(self) -> int:
        """Memories in the draft; never at the moment of a switch, after which opening the draft would begin another."""
        async with self._barrier.shared():
            draft = await self._vectors.draft()
            mine = draft is not None and draft.purpose == PURPOSE
            return await _headed(await self._vectors.open_draft(draft)) if draft and mine else 0

    def warning(self, target: Target) -> str:
        """What a program that shares the store loses by a move to the target, and what to do; "" for nothing."""
        if target.ollama_host is not None or not self._vectors.shared:
            return ""
        return (
            f"MCP Memoria cannot use {named(target.model)}: if it uses this Qdrant too, it finds nothing by meaning "
            "and cannot save from then on. Models that both can use: "
            f"{', '.join(SHARED_MODELS)}, by: memoria-tui reembed --model NAME"
        )

    async def plan(self, target: Target) -> ReembedPlan:
        """What `reembed` would do. Raises as it does, before anything is written."""
        async with self._ready(target) as embedder:
            return await self._plan(embedder)

    async def reembed(self, target: Target, *, progress: Advance = no_progress) -> ReembedReport:
        """Moves the store to the target; goes on where an earlier run was stopped.

        Raises, before anything is written, StoreUnavailable or EmbeddingFailed when the embedder cannot be used,
        StorageFull when there is no room for a second set of vectors, and Conflict when another set is being filled.
        """
        start = time.monotonic()
        async with self._ready(target) as embedder:
            plan = await self._plan(embedder)
            wanted = Draft(PURPOSE, plan.dimensions, plan.model)
            run = None if plan.needless else await self._run(wanted, embedder, progress)
        if run:
            _log.info("embedded %d memories again by %s, %d dimensions", run.total, plan.model, plan.dimensions)
        return ReembedReport(
            model=plan.model,
            dimensions=plan.dimensions,
            memories=run.total if run else plan.memories,
            embedded=run.embedded if run else 0,
            seconds=time.monotonic() - start,
            switched=run is not None,
            settings=missing_settings(self._settings, target, wanted),
        )

    async def cancel(self) -> bool:
        """Throws a re-embedding away that is under way; gives whether there was one. The store stays as it is.

        Raises Conflict when it is a restore that fills a next set of collections.
        """
        draft = await self._vectors.draft()
        if draft is None:
            return False
        if draft.purpose != PURPOSE:
            raise Conflict(f"a next set of collections is being filled by something else ({draft.purpose})", draft)
        await self._vectors.drop_draft()
        return True

    async def drop_old(self) -> int:
        """Deletes what was in use before the last switch; gives how many points it had."""
        return await self._vectors.drop_former()

    @asynccontextmanager
    async def _ready(self, target: Target) -> AsyncIterator[Embedder]:
        """The embedder, tried; raises what stands in the way: it is away, has no such model, makes another size."""
        if reason := (await self._vectors.status()).read_only:
            raise StoreReadOnly(reason)
        async with self._open_embedder(target) as embedder:
            if problems := (await embedder.status()).problems:
                raise StoreUnavailable(problems[0])
            await embedder.embed_documents(["one text to see the size of its vector"])
            yield embedder

    async def _plan(self, embedder: Embedder) -> ReembedPlan:
        size, model = embedder.dimensions, embedder.model
        under_way = await self._vectors.draft()
        if under_way is not None and under_way != Draft(PURPOSE, size, model):
            raise Conflict(
                f"a new set of vectors is being filled already ({under_way.purpose}: {under_way.model}, "
                f"{under_way.dimensions} dimensions); finish that first, or discard a re-embedding with: "
                "memoria-tui reembed --cancel",
                under_way,
            )
        room = await self._vectors.room(size)
        if room is not None and room.needed > room.free:
            raise StorageFull(
                f"a second set of vectors needs about {readable_size(room.needed)}, {readable_size(room.free)} are "
                "free; free some space first"
            )
        needless = under_way is None and await self._has(size, model)
        return ReembedPlan(model, size, await count_memories(self._vectors), needless, room)

    async def _has(self, dimensions: int, model: str) -> bool:
        """True when the store has these vectors already; one without collections gets them at once."""
        info = await self._vectors.info()
        if not info:
            await self._vectors.ensure(dimensions, model)
            return True
        return {one.dimensions for one in info.values()} == {dimensions} and await self._vectors.model() == model

    async def _run(self, wanted: Draft, embedder: Embedder, progress: Advance) -> _Run:
        draft = await self._vectors.open_draft(wanted)
        filling = Filling(self._vectors, draft, embedder, self._settings)
        run = _Run(filling, self._vectors, draft, await count_memories(self._vectors), progress)
        await self._catch_up(run)
        async with self._barrier.exclusive("takes the vectors of another model into use"):
            await self._last_pass(run)
            await self._vectors.adopt_draft()
            if self._vectors.shared:
                await self._remaining_changes(run)
        run.total = await count_memories(self._vectors)
        return run

    async def _catch_up(self, run: _Run) -> None:
        """Fills the draft, then compares it with what it must have until next to nothing differs."""
        await self._whole_pass(run)
        await self._vectors.prepare_adoption()
        run.what = "memories compared"
        for _ in range(_MOST_PASSES):
            run.changed = run.done = 0
            await self._whole_pass(run)
            if run.changed <= _FEW:
                return

    async def _whole_pass(self, run: _Run) -> None:
        """Writes every memory of the set in use whose digest is another in the draft; deletes what it does not have.

        The largest collection comes first: its indexes are made while the others are filled.
        """
        points = Counter({type_: found.points for type_, found in (await run.source.info()).items()})
        async with BoundedTasks(_TOGETHER) as completing:
            for type_ in sorted(MemoryType, key=points.__getitem__, reverse=True):
                await self._pass(run, type_)
                await completing.start(partial(self._vectors.complete_draft, type_))

    async def _pass(self, run: _Run, type_: MemoryType) -> None:
        there = await digests(run.draft, type_)
        made: dict[str, bytes] = {}
        async with BoundedTasks(_TOGETHER) as writes:
            async for batch in all_stored(run.source, type_, embeddings=False):
                await writes.start(partial(self._write_changed, run, type_, batch, there, made))
        gone = there.keys() - made.keys()
        await run.filling.delete(type_, gone)
        run.changed += len(gone)

    async def _write_changed(
        self,
        run: _Run,
        type_: MemoryType,
        batch: Sequence[Stored],
        there: Mapping[str, bytes],
        made: dict[str, bytes],
    ) -> None:
        """Writes those of the batch whose digest is another than `there`; adds the digests of all to `made`."""
        now = await _digests_of(batch)
        differ = {one.id: one for one in batch if there.get(one.id) != now[one.id]}
        made |= now
        run.advance(len(batch) - len(differ))
        await self._write(run, type_, list(differ.values()), differ.keys() & there.keys())

    async def _write(self, run: _Run, type_: MemoryType, batch: Sequence[Stored], there: Iterable[str]) -> None:
        if batch:
            await run.filling.write(type_, batch, there=there)
            run.changed += len(batch)
            run.embedded += len(batch)
            run.advance(len(batch))

    async def _last_pass(self, run: _Run) -> None:
        """While no save happens: what differs by the keys that every edit changes, until nothing does.

        A memory of which the source has two states, since a save was not finished, differs for good. Raises
        StoreUnavailable when others never stop writing.
        """
        for _ in range(_MOST_PASSES):
            before, differing = dict(run.seen), 0
            for type_ in MemoryType:
                here = run.seen[type_] = await quick_digests(run.source, type_)
                there = await quick_digests(run.draft, type_, complete=True)
                differing += await self._bring(run, type_, here, there)
            if not differing or run.seen == before:
                return
        raise StoreUnavailable(
            "other programs change memories faster than they can be embedded; the next run goes on from here, start it "
            "when less is written"
        )

    async def _bring(
        self, run: _Run, type_: MemoryType, here: Mapping[str, object], there: Mapping[str, object]
    ) -> int:
        """Writes what `here` has otherwise than `there`, deletes what it lacks; gives how many."""
        changed = [one for one, made in here.items() if there.get(one) != made]
        for ids in batches(changed, _BATCH):
            await self._write(run, type_, await newest_of(run.source, type_, ids), ids)
        gone = there.keys() - here.keys()
        await run.filling.delete(type_, gone)
        run.changed += len(gone)
        return len(changed) + len(gone)

    async def _remaining_changes(self, run: _Run) -> None:
        """Takes over what others wrote into the former set after the last pass, unless it was changed since."""
        former = await self._vectors.open_former()
        if former is None:
            return
        # Written as the draft still, since our own embedder may no longer write into the set in use.
        filling = Filling(former, run.draft, run.filling.embedder, self._settings)
        late = _Run(filling, former, run.draft, run.total, lambda _: None)
        for type_ in MemoryType:
            before, now = run.seen[type_], await quick_digests(former, type_)
            changed = {one for one in {*before, *now} if before.get(one) != now.get(one)}
            if changed:
                here = await quick_digests(run.draft, type_)
                untouched = {one for one in changed if here.get(one) == before.get(one)}
                await self._bring(late, type_, _only(now, untouched), _only(here, untouched))
        run.embedded += late.embedded


async def _digests_of(batch: Sequence[Stored]) -> dict[str, bytes]:
    return await asyncio.to_thread(lambda: {one.id: digest(one) for one in batch})


async def _headed(vectors: VectorStore) -> int:
    """The memories that have their first chunk, as all of a draft have."""
    return sum(await together(*(vectors.count(type_, ONE_EACH) for type_ in MemoryType)))


def _only(digests: Digests, ids: set[str]) -> Digests:
    return {one: made for one, made in digests.items() if one in ids}
