"""The save: what was and will be is promised in PostgreSQL, then the points follow. Every step can be repeated."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from services.errors import EmbeddingFailed, ModelMismatch, StoreReadOnly, StoreUnavailable
from services.memories.chunking import chunks
from services.memories.gate import Gate
from services.memories.layout import key_changes, moved, only_keys_differ, points_of, vectors_by_text
from services.memories.payload import State
from services.memories.reading import Stored, memory_id_of
from services.model import Action, Entity, Kind, Memory, MemoryType
from services.points import Filter, HasId, Point, Scroll, Vector
from services.ports import Clock, Embedder, KeptVectors, NewChange, Records, Transaction, VectorStore
from services.settings import Settings

BATCH = 100
"""Most memories in one transaction, most relations in one statement: few enough that the event loop is not held up."""
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
_EMBEDDER_REST = timedelta(seconds=10)
"""For how long the embedder is left alone after a failure, so that a run of saves does not wait for it each time."""

Thing = TypeVar("Thing")


def batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    """The things in order, `BATCH` at once."""
    return (things[start : start + BATCH] for start in range(0, len(things), BATCH))


class Permit(Protocol):
    """Returns when both stores may be written, see `services.database.DatabaseService.permit`."""

    async def __call__(self, *, vectors: bool, asking: bool) -> None: ...


Also = Callable[[Transaction], Awaitable[Sequence[NewChange]]]
"""Work in the transaction of a save, with the history rows that it makes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One memory that is to be brought from one state to another; None is a memory that does not exist."""

    memory_id: str
    before: State | None
    after: State | None
    action: Action
    summary: str
    stored: Sequence[Stored] = ()
    """What the points hold now."""
    known: Mapping[str, Vector] = field(default_factory=dict)
    """Vectors by text that need not be made again."""
    texts: tuple[str | None, ...] | None = None
    """What to index the memory by when that is not what the chunker gives; None for a chunk that shall be missing."""
    attempts: int = 0
    """How often embedding was tried in vain."""


@dataclass(slots=True)
class _Writes:
    """What has to be done to the points, gathered over all plans."""

    points: defaultdict[MemoryType, list[Point]] = field(default_factory=lambda: defaultdict(list))
    keys: defaultdict[tuple[MemoryType, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Ids of points by collection and (to set, to remove) as JSON."""
    surplus: defaultdict[MemoryType, list[str]] = field(default_factory=lambda: defaultdict(list))
    pending: set[str] = field(default_factory=set)
    """Memories that are left without some vector."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """A memory whose points are written whole."""

    plan: Plan
    type: MemoryType
    texts: tuple[str, ...]
    points: list[Point]
    known: Mapping[str, Vector]


class Saver:
    """Writes memories; the only place that changes points."""

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        records: Records,
        settings: Settings,
        clock: Clock,
        permit: Permit | None = None,
    ) -> None:
        self.vectors = vectors
        self.records = records
        self.settings = settings
        self.clock = clock
        self._embedder = embedder
        self._permit = permit
        self._permitted = False
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.gate = Gate()
        self._prepared = False
        self._rest_until: datetime | None = None
        self._reason = ""

    @contextlib.asynccontextmanager
    async def locked(self, ids: Iterable[str]) -> AsyncIterator[None]:
        """Keeps other tasks of this process from changing these memories meanwhile."""
        async with contextlib.AsyncExitStack() as stack:
            wanted = sorted(set(ids))
            await stack.enter_async_context(self.gate.passing(wanted))
            for memory_id in wanted:
                await stack.enter_async_context(self._locks.setdefault(memory_id, asyncio.Lock()))
            yield

    async def model(self) -> str:
        """The model of the vectors in the store."""
        return await self.vectors.model() or self._embedder.model

    async def save(
        self,
        group: str,
        plans: Sequence[Plan],
        *,
        kind: Kind = Kind.EDIT,
        undoes: str | None = None,
        also: Also | None = None,
    ) -> None:
        """Writes history and promise in one transaction, then the points; the memories must be locked.

        After the transaction a cancelled task still finishes its points. Without an embedder the points are written
        without vectors and the promise stays.
        """
        await self.prepare()
        model = await self.model()
        if self._prepared and model != self._embedder.model:
            self._prepared = False  # another model's vectors have taken the place of ours
            await self.prepare()
        rows = [self._history_row(plan, model) for plan in plans]
        async with self.records.transaction() as transaction:
            more = await also(transaction) if also else ()
            numbers = await transaction.append_history(group, [*rows, *more], kind=kind, undoes=undoes)
            promised = {plan.memory_id: number for plan, number in zip(plans, numbers, strict=False)}
            if promised:
                await transaction.schedule(promised)
        await _to_the_end(self.fulfil(plans, promised))

    async def prepare(self, *, asking: bool = True) -> None:
        """Makes collections that are missing; another model's vectors only keep this program from embedding.

        Raises StoreReadOnly or SchemaMissing before anything is written to either store; `asking` False asks nobody.
        """
        if self._prepared:
            return
        await self._require_writable(asking=asking)
        try:
            await self.vectors.ensure(self._embedder.dimensions, self._embedder.model)
            self._prepared = True
        except ModelMismatch as error:
            self._reason = str(error)

    async def _require_writable(self, *, asking: bool) -> None:
        if self._permitted:
            return
        if reason := (await self.vectors.status()).read_only:
            raise StoreReadOnly(reason)
        if self._permit is not None:
            await self._permit(vectors=True, asking=asking)
        self._permitted = True

    async def require_model(self) -> None:
        """Raises ModelMismatch when the store's vectors are another model's: what is cut anew would lose its own."""
        await self.prepare()
        if not self._prepared:
            raise ModelMismatch(self._reason)

    def embedder_is_back(self) -> None:
        """Lets the next save try to embed at once."""
        self._rest_until = None

    async def fulfil(self, plans: Sequence[Plan], promised: Mapping[str, int]) -> None:
        """Brings the points to the states of the plans and takes back the promises that are kept."""
        writes = await self._writes(plans)
        for type_, points in writes.points.items():
            await self.vectors.upsert(type_, points)
        for (type_, changes), ids in writes.keys.items():
            to_set, to_remove = json.loads(changes)
            if to_set:
                await self.vectors.set_payload(type_, ids, to_set)
            if to_remove:
                await self.vectors.delete_payload(type_, ids, to_remove)
        for type_, ids in writes.surplus.items():
            await self.vectors.delete_points(type_, ids)
        kept = {memory_id: number for memory_id, number in promised.items() if memory_id not in writes.pending}
        if kept:
            await self.records.done(kept)
        for plan in plans:
            if plan.memory_id in writes.pending:
                await self.postpone(plan, self._reason)

    async def postpone(self, plan: Plan, reason: str) -> None:
        """Puts a promise off, each time for twice as long."""
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(plan.attempts, 10))
        await self.records.postpone(plan.memory_id, reason, self.clock() + wait)

    async def _writes(self, plans: Sequence[Plan]) -> _Writes:
        writes = _Writes()
        whole: list[_Whole] = []
        for plan in plans:
            kept = self._keys(plan, writes)
            if plan.after is not None and not kept:
                whole.append(self._whole(plan, plan.after))
            else:
                _leave_only(plan, kept, writes)
        whole = await self._placed(whole)
        for one in whole:
            _leave_only(one.plan, {(one.type, point.id) for point in one.points}, writes)
        made = await self._embed(
            list(dict.fromkeys(text for one in whole for text in one.texts if text not in one.known))
        )
        for one in whole:
            vectors = [one.known.get(text, made.get(text)) for text in one.texts]
            writes.points[one.type] += map(_with_vector, one.points, vectors)
            if any(vector is None for vector in vectors):
                writes.pending.add(one.plan.memory_id)
        return writes

    def _whole(self, plan: Plan, after: State) -> _Whole:
        texts = self._texts(plan, after)
        # The vectors of another model are not to be written again.
        known = {**vectors_by_text(plan.stored), **plan.known} if self._prepared else {}
        present = tuple(text for text in texts if text is not None)
        return _Whole(plan, after.type, present, points_of(plan.memory_id, after, texts), known)

    async def _placed(self, whole: Sequence[_Whole]) -> list[_Whole]:
        """Moves a chunk whose id is that of another memory: MCP Memoria can make one under the id of a chunk."""
        chunks: defaultdict[MemoryType, dict[str, str]] = defaultdict(dict)
        for one in whole:
            if len(one.points) > 1:
                chunks[one.type] |= {point.id: one.plan.memory_id for point in one.points}
        taken: set[str] = set()
        for type_, owned in chunks.items():
            where = Filter((HasId(frozenset(owned)),))
            there = await self.vectors.scroll(Scroll(type_, len(owned), where, payload_keys=("parent_id",)))
            taken |= {point.id for point in there if memory_id_of(point) != owned[point.id]}
        return [
            replace(one, points=[moved(point) if point.id in taken else point for point in one.points]) for one in whole
        ]

    def _keys(self, plan: Plan, writes: _Writes) -> set[tuple[MemoryType, str]]:
        """Plans to change keys alone where that is enough; the points that are kept by it."""
        current = next(
            (
                one
                for one in plan.stored
                if plan.after and only_keys_differ(one, plan.after) and plan.texts in (None, one.pieces)
            ),
            None,
        )
        if current is None or plan.after is None:
            return set()
        to_set, to_remove = key_changes(current, plan.after)
        if self._prepared and None in to_set.values():
            return set()  # Qdrant takes null for «remove»: such a point must be written whole
        ids = [point.id for point in current.points]
        if to_set or to_remove:
            writes.keys[current.state.type, json.dumps([to_set, to_remove], sort_keys=True)] += ids
        return {(current.state.type, point_id) for point_id in ids}

    def _texts(self, plan: Plan, after: State) -> tuple[str | None, ...]:
        """What to index the memory by: as it is indexed now if the text is the same, else what the chunker gives."""
        if plan.texts is not None:
            return plan.texts
        for one in plan.stored:
            if one.state.content == after.content and (texts := one.texts) is not None and len(texts) > 1:
                return texts
        return self.chunks(after.content)

    def chunks(self, text: str) -> tuple[str, ...]:
        """The text, cut as the settings say."""
        return chunks(text, self.settings.chunk_size, self.settings.chunk_overlap)

    async def _embed(self, texts: list[str]) -> dict[str, Vector]:
        """Vectors by text; empty when they cannot be made at the moment."""
        if not texts or not self._prepared or (self._rest_until and self.clock() < self._rest_until):
            return {}
        try:
            made = await self._embedder.embed_documents(texts)
        except (EmbeddingFailed, StoreUnavailable) as error:
            self._reason = str(error)
            self._rest_until = self.clock() + _EMBEDDER_REST
            return {}
        return dict(zip(texts, made, strict=True))

    def _history_row(self, plan: Plan, model: str) -> NewChange:
        before = plan.before.as_json() if plan.before else None
        kept = None
        if before and plan.before and _cut_anew(plan):
            kept = _kept(plan.stored[0], model)
            pieces = plan.stored[0].pieces
            if pieces and pieces != self.chunks(plan.before.content):
                before["chunks"] = list(pieces)
        state = plan.after or plan.before
        return NewChange(
            Entity.MEMORY,
            plan.memory_id,
            plan.action,
            before,
            plan.after.as_json() if plan.after else None,
            content_hash=Memory("", state.type, state.content).content_hash if state else None,
            summary=plan.summary,
            kept_vectors=kept,
        )


def _leave_only(plan: Plan, kept: set[tuple[MemoryType, str]], writes: _Writes) -> None:
    """Plans to delete all points of the memory but these."""
    for stored in plan.stored:
        if surplus := [point.id for point in stored.points if (stored.state.type, point.id) not in kept]:
            writes.surplus[stored.state.type] += surplus


def _cut_anew(plan: Plan) -> bool:
    """True when the points of the state before go, or are written whole."""
    if plan.before is None or not plan.stored:
        return False
    if plan.after is None or plan.after.content != plan.before.content:
        return True
    return plan.texts not in (None, plan.stored[0].pieces)


def _kept(stored: Stored, model: str) -> KeptVectors | None:
    """The vectors of all points, None when one of them is missing."""
    vectors = tuple(point.vector for point in stored.points if point.vector is not None)
    return KeptVectors(model, vectors) if stored.pieces and len(vectors) == len(stored.points) else None


def _with_vector(point: Point, vector: Vector | None) -> Point:
    return Point(point.id, point.payload, vector)


async def _to_the_end(work: Awaitable[None]) -> None:
    """Waits for work that must not stop halfway; a cancellation comes through afterwards."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
