"""The save: history and outbox in one PostgreSQL transaction, then the points. Every step can be repeated.

1. *Plan.* The mark of each memory (number of its newest change, and of the change in its outbox entry) is read, then
   its points; what the outbox will still make of the points is added. From that a caller plans the state to reach.
2. *Commit.* In one transaction, however large: advisory locks on the memories, by key, sorted (all memories at once
   when they are many); the marks are read again. Where one is another by now nothing is written, that memory is read
   and planned again, and the transaction is tried again. Else history, outbox entries and what else belongs to the act
   are written.
3. *Apply.* Texts are embedded, without any lock. In a second transaction, with the same locks, the outbox entry is
   removed, the points are written, and then it commits. Where the entry is another one by now, nothing is written.

Points never stay under another change's history, whoever is killed wherever:

- Each change of a memory is committed under its lock and puts its number into the outbox. So the entry names the newest
  change, and a mark that is equal to an earlier one says that no change came between.
- Points are written only under the lock, only by who finds their own change in the entry, and only that transaction's
  commit removes it. So what an older change writes is written before the newer one commits, and the entry of the newer
  one then has its writer, or whoever recovers, write over it. An entry that is gone says that its points are there.
- A plan is made from points that were read after the mark, and commits only under an equal mark. Without an entry in
  the mark no program of ours was writing in between. With one, its state is known from the history; and since its
  writer can have been killed in the middle, the points are read once more under the lock before they are written.
- Killed before the first commit: nothing happened. Between the two: the entry stays and anybody applies it, any number
  of times with the same outcome. In the second: PostgreSQL rolls the removal back, as before.

The locks are those of transactions, so they hold behind PgBouncer and end with a killed program. A program that knows
no outbox (MCP Memoria) can still write between reading and writing; `current.merged` keeps what it can of both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self
from weakref import WeakValueDictionary

from services.acting import require_seen, require_writable, seeing_all
from services.batches import batches, unhurried
from services.errors import (
    Conflict,
    InvalidInput,
    MemoriaError,
    StoreBusy,
    StoreMismatch,
    StoreTimeout,
    StoreUnavailable,
)
from services.memories.current_state import ChangedOutside, Current, merged, read_current
from services.memories.outbox_applying import Applier
from services.memories.point_layout import own_keys, with_own_keys
from services.memories.prefetch import Prefetch
from services.memories.stored_memories import Stored, read_stored
from services.memories.write_barrier import WriteBarrier
from services.memories.write_plans import Plan, Planned, Plans
from services.model import Advance, Entity, Kind, Progress, content_hash
from services.points import Vector
from services.ports import UNMARKED, KeptVectors, NewChange
from services.records import Transaction
from services.records.relation_states import relation_change
from services.times import writer_zone

_log = logging.getLogger(__name__)

BATCH = 100
"""Most memories that are read, planned or applied at once: few enough that the event loop is not held up."""
_COMPARED = 1000
"""Marks or outbox entries in one statement."""
_TOGETHER = 3
"""Batches that are applied at once: one is computed while the stores write the others."""
_ATTEMPTS = 30
"""How often an act is tried whose memories other programs change, or that PostgreSQL broke off for another one."""
_PAUSE = 0.1
"""Longest wait before it is tried again after it was broken off, in seconds."""


Planner = Callable[[Mapping[str, Current]], Awaitable[Sequence[Plan]]]
"""What to make of memories as they are; those that stay as they are have no plan. Called again for those that another
program changed before the commit. Raises what keeps the act from being done, such as Conflict."""
TransactionHook = Callable[[Transaction], Awaitable[Sequence[NewChange]]]
"""Work in the transaction of a save, under its locks and before its history; gives the history rows that it makes."""


class _Changed(Exception):
    """Memories are not as they were when the act was planned."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(len(ids))
        self.ids = ids


class Saver:
    """Writes memories; whoever changes one goes through it."""

    def __init__(self, applier: Applier, barrier: WriteBarrier) -> None:
        self.applier = applier
        self.vectors, self.records = applier.vectors, applier.records
        self.settings, self.clock = applier.settings, applier.clock
        self.zone = writer_zone(applier.settings)
        self.barrier = barrier
        self.saved = False
        """True once this program wrote a memory."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def locked(self, ids: Iterable[str]) -> AsyncIterator[None]:
        """Lets the tasks of this process change these memories one after the other; of very many, none is held up.

        It spares planning again. What keeps two writers apart, also of two programs, are the locks in PostgreSQL.
        """
        async with contextlib.AsyncExitStack() as stack:
            wanted = set(ids)
            await stack.enter_async_context(self.barrier.shared())
            for memory_id in sorted(wanted) if len(wanted) <= BATCH else ():
                await stack.enter_async_context(self._locks.setdefault(memory_id, asyncio.Lock()))
            yield

    async def change(
        self,
        group: str,
        ids: Iterable[str],
        planner: Planner,
        *,
        kind: Kind = Kind.EDIT,
        undoes: str | None = None,
        also: TransactionHook | None = None,
        progress: Advance = lambda _: None,
    ) -> int:
        """Changes any number of memories in one act; gives how many were changed.

        After the transaction a cancelled task still finishes the points of a small act; those of a large one, and what
        the embedder did not make, wait in the outbox. Raises what `planner` raises, and then nothing was written.
        """
        wanted = list(dict.fromkeys(ids))
        with seeing_all():
            await self.applier.prepare()
        async with self.locked(wanted):
            with seeing_all(), Act(self, group, kind) as act:
                for place, batch in enumerate(batches(wanted, BATCH)):
                    progress(Progress(place * BATCH, len(wanted), "reading"))
                    await act.add(batch, planner)
                done = 0

                def applied(number: int) -> None:
                    nonlocal done
                    done += number
                    progress(Progress(done, act.count, "writing"))

                await act.write(undoes=undoes, also=also, applied=applied)
                return act.count

    async def save(
        self, group: str, plans: Sequence[Plan], *, also: TransactionHook | None = None
    ) -> Mapping[str, int]:
        """Writes plans in one act; gives, of a small one, what `Applier.apply` does.

        Raises Conflict when another program changed one of the memories since.
        """
        with seeing_all():
            await self.applier.prepare()
        async with self.locked(plan.memory_id for plan in plans):
            with seeing_all(), Act(self, group, Kind.EDIT) as act:
                await act.keep(plans, _refuse)
                await act.write(also=also)
                return act.applied


class Act:
    """One act of a person: planned part by part, written in one transaction, then applied. To be closed.

    With `prefetch`, new texts of a large one are embedded while it is planned and committed.
    """

    def __init__(self, saver: Saver, group: str, kind: Kind, *, prefetch: bool = False) -> None:
        self._saver = saver
        self.group = group
        self._kind = kind
        self._plans = Plans(saver.settings.home, BATCH)
        self._prefetch = Prefetch(saver.applier, self._plans) if prefetch else None
        self._planners: dict[str, Planner] = {}
        self._model: str | None = None
        self.applied: Mapping[str, int] = {}
        """Of a small act that was written, what `Applier.apply` gives."""

    @property
    def count(self) -> int:
        """Memories that the act changes."""
        return len(self._plans.marks)

    def __contains__(self, memory_id: str) -> bool:
        return memory_id in self._plans.marks

    @property
    def created(self) -> int:
        """Memories that the act makes."""
        return self._plans.created

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._prefetch is not None:
            self._prefetch.cancel()
        self._plans.close()

    async def add(
        self,
        ids: Sequence[str],
        planner: Planner,
        *,
        again: Planner | None = None,
        embeddings: bool = True,
        currents: Mapping[str, Current] | None = None,
    ) -> Sequence[Plan]:
        """Plans a part of the act, a hundred or so memories; one that was planned before is seen as it will be then.

        `again` plans those that another program changed before the commit, `planner` when it is not given: a planner
        is kept until then. With `embeddings` False the planner reads the vectors of what it changes. `currents` are
        the memories as `current` gave them, if it did since the last part.
        """
        await self._saver.applier.prepare()
        if currents is None:
            currents = await self.current(ids, embeddings=embeddings)
        plans = await planner({one: currents[one] for one in ids})
        await asyncio.sleep(0)  # both take their time, and others wait for the loop
        await self.keep(plans, again or planner)
        return plans

    async def current(self, ids: Iterable[str], *, embeddings: bool = False) -> dict[str, Current]:
        """The memories as they will be by what was planned so far."""
        await self._saver.applier.prepare()
        currents = await read_current(self._saver.vectors, self._saver.records, ids, embeddings=embeddings)
        for memory_id, planned in self._plans.of(currents).items():
            now = currents[memory_id]
            currents[memory_id] = replace(now, state=planned.plan.after, mark=planned.plan.mark, planned=planned.plan)
        _require_seen(currents)
        return currents

    def planned(self) -> Iterator[Sequence[Plan]]:
        """All plans, batch by batch; of a large act without what the points held."""
        return ([one.plan for one in batch] for batch in self._plans.batches())

    async def keep(self, plans: Sequence[Plan], again: Planner) -> None:
        """Adds plans; `again` plans those that another program changes before the commit."""
        if self._model is None:
            self._model = await self._saver.applier.follow_model()
        former = self._plans.of([plan.memory_id for plan in plans])
        async for plan in unhurried(plans):
            require_seen(plan.memory_id, plan.before.payload if plan.before else None)
            require_writable(plan.after.payload if plan.after else None)
            if earlier := former.get(plan.memory_id):
                plan = _joined(earlier.plan, plan)
                self._plans.drop([plan.memory_id])
                if plan.after == plan.before:
                    continue
            self._plans.add(Planned(plan, self._history_row(plan, self._model)))
            self._planners[plan.memory_id] = again
        if self._prefetch is not None and self._plans.large:
            self._prefetch.start(plans)

    async def write(
        self,
        *,
        undoes: str | None = None,
        also: TransactionHook | None = None,
        also_locked: Collection[str] = (),
        applied: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Commits the act and brings the points to its states; what a store that goes away leaves is in the outbox.

        `also` may be called more than once, each time in a transaction of its own after the one before was rolled back;
        `also_locked` are memories that it refers to. `applied` is called with how many more memories are applied.
        """
        async with self._saver.barrier.shared():
            same_model = await self._saver.applier.follow_model() == self._model
            embedding = asyncio.create_task(self._embed()) if self.count and not self._plans.large else None
            try:
                numbers = await self._committed(undoes, also, also_locked)
            except BaseException:
                if embedding is not None:
                    embedding.cancel()
                    await asyncio.wait([embedding])
                raise
            self._saver.saved |= bool(numbers)
            self._saver.applier.left |= set(numbers.values())
            if self._prefetch is not None:
                await self._prefetch.finish()
            try:
                if self._plans.large:
                    await self._apply_all(numbers, applied, known=same_model)
                elif embedding is not None and numbers:
                    await _to_the_end(self._apply_now(embedding, numbers))
                    applied(len(numbers))
            except StoreUnavailable as error:
                _log.warning("%d memories are saved, but their points wait in the outbox: %s", self.count, error)

    async def _committed(
        self, undoes: str | None, also: TransactionHook | None, also_locked: Collection[str]
    ) -> dict[str, int]:
        """Commits; what another program changed before is planned again."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._commit(undoes, also, also_locked)
            except _Changed as changed:
                await self._plan_again(changed.ids)
            except StoreBusy:
                await asyncio.sleep(_PAUSE * random.random())
        raise Conflict("other programs keep changing the same memories; nothing was written, try again", None)

    async def _commit(
        self, undoes: str | None, also: TransactionHook | None, also_locked: Collection[str]
    ) -> dict[str, int]:
        """The transaction; gives the number of each memory's change."""
        numbers: dict[str, int] = {}
        async with self._saver.records.transaction() as transaction:
            await transaction.outbox.lock([*self._plans.marks, *also_locked])
            await self._compare(transaction)
            more = [*(await also(transaction) if also else ()), *await self._without_relations(transaction)]
            for batch in self._plans.batches():
                rows = [one.row for one in batch]
                if not self._plans.large:
                    rows, more = rows + more, []
                written = await transaction.history.append(self.group, rows, kind=self._kind, undoes=undoes)
                numbers |= {one.plan.memory_id: number for one, number in zip(batch, written, strict=False)}
            if more:
                await transaction.history.append(self.group, more, kind=self._kind, undoes=undoes)
            for part in batches(list(numbers), _COMPARED):
                await transaction.outbox.put({one: numbers[one] for one in part})
        return numbers

    async def _compare(self, transaction: Transaction) -> None:
        """Raises _Changed where another program changed memories since they were read; under the lock they stay so."""
        changed: list[str] = []
        for part in batches(list(self._plans.marks), _COMPARED):
            now = await transaction.outbox.marks(part)
            changed += [one for one in part if now.get(one, UNMARKED) != self._plans.marks[one]]
        if changed:
            raise _Changed(changed)

    async def _plan_again(self, ids: Sequence[str]) -> None:
        """Plans memories as they are by now. No transaction is open: a planner may read what it likes."""
        for batch in batches(ids, BATCH):
            currents = await read_current(self._saver.vectors, self._saver.records, batch)
            _require_seen(currents)
            former = self._plans.of(batch)
            by_planner: dict[Planner, dict[str, Current]] = {}
            for one in batch:
                current = replace(currents[one], planned=former[one].plan)
                by_planner.setdefault(self._planners[one], {})[one] = current
            self._plans.drop(batch)
            for planner, theirs in by_planner.items():
                await self.keep(await planner(theirs), planner)

    async def _without_relations(self, transaction: Transaction) -> list[NewChange]:
        """Removes the relations that end in memories that the act deletes, or in one of their chunks."""
        rows: list[NewChange] = []
        for batch in self._plans.batches() if self._plans.deletes else ():
            ends = {end for one in batch if one.plan.after is None for end in one.ends}
            if ends:
                gone = await transaction.relations.delete_touching(sorted(ends))
                rows += [relation_change(relation, None, "removed with its memory") for relation in gone]
        return rows

    async def _embed(self) -> Mapping[str, Mapping[str, Vector]]:
        """What the plans of a small act need of the embedder, by memory and text, while they are committed."""
        return await self._saver.applier.new_vectors([one.plan for batch in self._plans.batches() for one in batch])

    async def _apply_now(
        self, embedding: Awaitable[Mapping[str, Mapping[str, Vector]]], numbers: Mapping[str, int]
    ) -> None:
        """Once more after a store went away in the middle: it may be back, and the change is committed already."""
        made = await embedding
        plans = [
            replace(one.plan, known={**one.plan.known, **made.get(one.plan.memory_id, {})})
            for batch in self._plans.batches()
            for one in batch
        ]
        try:
            self.applied = await self._saver.applier.apply(plans, numbers)
        except StoreTimeout:
            raise
        except StoreUnavailable:
            self.applied = await self._saver.applier.apply(plans, numbers)

    async def _apply_all(self, numbers: Mapping[str, int], applied: Callable[[int], None], *, known: bool) -> None:
        """Batch by batch; what is not done when it ends early is in the outbox. Raises the first error at the end."""
        places = asyncio.Semaphore(_TOGETHER)
        refused: list[MemoriaError] = []

        async def apply(batch: Sequence[Plan]) -> None:
            try:
                await self._apply(batch, numbers, known=known)
            except (InvalidInput, StoreMismatch) as error:
                refused.append(error)  # what a store refuses does not keep the others from being applied
            finally:
                places.release()
            applied(len(batch))

        try:
            async with asyncio.TaskGroup() as tasks:
                for batch in self.planned():
                    await places.acquire()
                    tasks.create_task(apply(batch))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        if refused:
            raise refused[0]

    async def _apply(self, batch: Sequence[Plan], numbers: Mapping[str, int], *, known: bool) -> None:
        """Applies plans to the points as they are by now."""
        existing = [plan.memory_id for plan in batch if plan.before is not None or plan.mark.waiting]
        stored = await read_stored(self._saver.vectors, existing)
        plans = []
        async for plan in unhurried(batch):
            states = stored.get(plan.memory_id, ())
            with contextlib.suppress(ChangedOutside):  # is left to whoever recovers, who writes it down
                goal = plan.after if plan.mark.waiting else merged([plan.before, plan.after], states)
                vectors = {**plan.known, **self._plans.vectors(plan.memory_id)} if known else {}
                plans.append(replace(plan, after=goal, stored=states, known=vectors))
        if plans:
            await self._saver.applier.apply(plans, numbers)

    def _history_row(self, plan: Plan, model: str) -> NewChange:
        before = plan.before.as_json() if plan.before else None
        kept = None
        # Points for which a change waits can be those of an earlier text, wholly or in part.
        if before and plan.before and _rechunked(plan) and not plan.mark.waiting:
            kept = _kept_vectors(plan.stored[0], model)
            pieces = plan.stored[0].pieces
            if pieces and pieces != self._saver.applier.chunks(plan.before.content):
                before["chunks"] = list(pieces)
        if before and plan.stored and not plan.mark.waiting:
            before = with_own_keys(before, own_keys(plan.stored[0]))
        after = with_own_keys(plan.after.as_json(), plan.own) if plan.after else None
        state = plan.after or plan.before
        return NewChange(
            Entity.MEMORY,
            plan.memory_id,
            plan.action,
            before,
            after,
            content_hash=content_hash(state.content) if state else None,
            summary=plan.summary,
            kept_vectors=kept,
        )


def _require_seen(currents: Mapping[str, Current]) -> None:
    """Raises NotFound when who acts may not know of one of these memories, before a planner sees them."""
    for one in currents.values():
        require_seen(one.id, one.state.payload if one.state else None)


async def _refuse(currents: Mapping[str, Current]) -> Sequence[Plan]:
    """Plans nothing again."""
    ids = ", ".join(one[:8] for one in list(currents)[:3])
    raise Conflict(f"another program changed {ids} at the same moment; nothing was written, try again", None)


def _joined(first: Plan, second: Plan) -> Plan:
    """Two plans of one act for one memory as one."""
    return replace(
        second,
        before=first.before,
        action=first.action if second.after is not None else second.action,
        mark=first.mark,
        stored=second.stored or first.stored,
        known={**first.known, **second.known},
    )


def _rechunked(plan: Plan) -> bool:
    """True when the points of the state before go, or are written whole."""
    if plan.before is None or not plan.stored:
        return False
    if plan.after is None or plan.after.content != plan.before.content:
        return True
    return plan.texts not in (None, plan.stored[0].pieces)


def _kept_vectors(stored: Stored, model: str) -> KeptVectors | None:
    """The vectors of all points, None when one of them is missing."""
    vectors = tuple(point.vector for point in stored.points if point.vector is not None)
    return KeptVectors(model, vectors) if stored.pieces and len(vectors) == len(stored.points) else None


async def _to_the_end(work: Awaitable[object]) -> None:
    """Waits for work that must not stop halfway; a cancellation comes through afterwards."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
