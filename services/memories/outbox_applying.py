"""Applying: the points of memories are brought to the states that their outbox entries name."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from services.batches import unhurried
from services.errors import EmbeddingFailed, ModelMismatch, StoreReadOnly, StoreUnavailable
from services.memories.chunking import chunks, is_chunk_id
from services.memories.payload import State
from services.memories.point_layout import (
    is_one_chunk,
    keeping,
    key_changes,
    moved,
    only_keys_differ,
    own_keys,
    points_of,
    vectors_by_text,
)
from services.memories.stored_memories import memory_id_of, read_stored
from services.memories.write_plans import Plan
from services.model import MemoryType
from services.points import Filter, HasId, Point, Scroll, Vector
from services.ports import Clock, Embedder, SwitchableStore
from services.records import Records
from services.records.outbox import Outbox
from services.settings import Settings

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
_EMBEDDER_REST = timedelta(seconds=10)
"""For how long the embedder is left alone after a failure, so that a run of saves does not wait for it each time."""


class Permit(Protocol):
    """Returns when both stores may be written, see `services.adapters.database_upgrade.DatabaseService.permit`."""

    async def __call__(self, *, vectors: bool, asking: bool) -> None: ...


@dataclass(slots=True)
class _Layout:
    """What has to be done to the points of one memory."""

    plan: Plan
    type: MemoryType | None = None
    """Collection of the points to be written; None when none is."""
    texts: tuple[str, ...] = ()
    points: list[Point] = field(default_factory=list)
    known: Mapping[str, Vector] = field(default_factory=dict)
    keys: Mapping[tuple[MemoryType, str], list[str]] = field(default_factory=dict)
    """By collection and [to set, to remove] as JSON, ids of points of which only keys change."""
    surplus: list[tuple[MemoryType, str]] = field(default_factory=list)
    pending: bool = False
    """True when the memory is left without some vector."""
    foreign: set[str] = field(default_factory=set)
    """Ids of chunks of this memory that are those of other memories."""
    moved: list[Point] = field(default_factory=list)
    """Chunks of other memories that were stored under this memory's id."""

    @property
    def in_chunks(self) -> bool:
        """True when it is not written as one point under the memory's own id."""
        return bool(self.points) and self.points[0].id != self.plan.memory_id


class Applier:
    """Writes points; the only place that does."""

    def __init__(
        self,
        vectors: SwitchableStore,
        embedder: Embedder,
        records: Records,
        settings: Settings,
        clock: Clock,
        permit: Permit | None,
    ) -> None:
        self.vectors = vectors
        self._embedder = embedder
        self.records = records
        self.settings = settings
        self.clock = clock
        self._permit = permit
        self._permitted = False
        self._prepared = self._just_prepared = False
        self._rest_until: datetime | None = None
        self._reason = ""
        self.left: set[int] = set()
        """Numbers of changes that this program wrote down and has not applied completely."""

    async def model(self) -> str:
        """The model of the vectors in the store."""
        return await self.vectors.model() or self._embedder.model

    async def prepare(self, *, asking: bool = True) -> None:
        """Makes collections that are missing; another model's vectors only keep this program from embedding.

        Raises StoreReadOnly or SchemaMissing before anything is written to either store; `asking` False asks nobody.
        No lock may be held: a person can be asked here.
        """
        if self._prepared:
            return
        await self._require_writable(asking=asking)
        try:
            await self.vectors.ensure(self._embedder.dimensions, self._embedder.model)
            self._prepared = self._just_prepared = True
        except ModelMismatch as error:
            self._reason = str(error)

    async def follow_model(self) -> str:
        """The model of the store's vectors; prepared again when they have taken the place of ours."""
        if self._just_prepared:
            self._just_prepared = False
            return self._embedder.model
        model = await self.model()
        if self._prepared and model != self._embedder.model:
            self._prepared = False
            await self.prepare()
        return model

    async def _require_writable(self, *, asking: bool) -> None:
        if self._permitted:
            return
        if self.vectors.shared and (reason := (await self.vectors.status()).read_only):
            raise StoreReadOnly(reason)
        if self._permit is not None:
            await self._permit(vectors=True, asking=asking)
        self._permitted = True

    async def require_model(self) -> None:
        """Raises ModelMismatch when the store's vectors are another model's: what is chunked again would lose them."""
        await self.prepare()
        if not self._prepared:
            raise ModelMismatch(self._reason)

    @property
    def embedder_rests(self) -> bool:
        """True when it did not embed a moment ago."""
        return self._rest_until is not None

    def embedder_is_back(self) -> None:
        """Lets the next save try to embed at once."""
        self._rest_until = None

    async def apply(self, plans: Sequence[Plan], changes: Mapping[str, int]) -> dict[str, int]:
        """Brings the points to the states of the plans, whose outbox entries are `changes`.

        Gives the memories whose entry it removed, with the number of points that it wrote of each. Where the outbox
        holds a newer change by now, its writer does it. An entry stays where a vector is missing.
        """
        layouts = await self._layouts(plans)
        ids = [plan.memory_id for plan in plans]
        async with self.records.transaction() as transaction:
            await transaction.outbox.lock(ids, repeatable=True)
            layouts = await self._laid_out_again(layouts, transaction.outbox)
            complete = {one.plan.memory_id for one in layouts if not one.pending}
            ours = await transaction.outbox.remove({one: changes[one] for one in ids if one in complete})
            done = {one.plan.memory_id: len(one.points) for one in layouts if one.plan.memory_id in ours}
            late = [one.plan for one in layouts if one.pending]
            ours |= await transaction.outbox.postpone(
                {plan.memory_id: changes[plan.memory_id] for plan in late},
                self._reason,
                [self._next_attempt(plan) for plan in late],
                written=True,
            )
            await self._write([one for one in layouts if one.plan.memory_id in ours])
        self.left -= {changes[one] for one in complete}
        return done

    async def new_vectors(self, plans: Sequence[Plan]) -> dict[str, dict[str, Vector]]:
        """Vectors, by memory and text, that applying the plans will need; empty where they cannot be made now."""
        wanted = {plan.memory_id: self._new_texts(plan) for plan in plans}
        made = await self._embed(list(dict.fromkeys(text for texts in wanted.values() for text in texts)))
        return {one: {text: made[text] for text in texts if text in made} for one, texts in wanted.items()}

    def _new_texts(self, plan: Plan) -> list[str]:
        after = plan.after
        if after is None or (plan.texts is None and plan.before and plan.before.content == after.content):
            return []
        known = {**vectors_by_text(plan.stored), **plan.known}
        return [text for text in self._texts(plan, after) if text is not None and text not in known]

    async def postpone(self, plan: Plan, change: int, reason: str) -> None:
        """Puts an outbox entry off, each time for twice as long."""
        async with self.records.transaction() as transaction:
            times = [self._next_attempt(plan)]
            await transaction.outbox.postpone({plan.memory_id: change}, reason, times, written=False)

    def _next_attempt(self, plan: Plan) -> datetime:
        wait: timedelta = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(plan.attempts, 10))
        return self.clock() + wait

    async def _write(self, layouts: Sequence[_Layout]) -> None:
        """First what is to be there, then what is too much: never a moment without the memory."""
        written: defaultdict[MemoryType, list[Point]] = defaultdict(list)
        keys: defaultdict[tuple[MemoryType, str], list[str]] = defaultdict(list)
        to_set: defaultdict[MemoryType, list[tuple[list[str], dict[str, object]]]] = defaultdict(list)
        to_remove: defaultdict[tuple[MemoryType, tuple[str, ...]], list[str]] = defaultdict(list)
        surplus: defaultdict[MemoryType, list[str]] = defaultdict(list)
        for one in layouts:
            if one.type is not None:
                written[one.type] += [*one.moved, *one.points]
            for change, ids in one.keys.items():
                keys[change] += ids
            for type_, point_id in one.surplus:
                surplus[type_].append(point_id)
        for type_, points in written.items():
            await self.vectors.upsert(type_, points)
        for (type_, wanted), ids in keys.items():
            values, removed = json.loads(wanted)
            if values:
                to_set[type_].append((ids, values))
            if removed:
                to_remove[type_, tuple(removed)] += ids
        for type_, changes in to_set.items():
            await self.vectors.set_payloads(type_, changes)
        for (type_, names), ids in to_remove.items():
            await self.vectors.delete_payload(type_, ids, names)
        for type_, ids in surplus.items():
            await self.vectors.delete_points(type_, ids)

    async def _layouts(self, plans: Sequence[Plan]) -> list[_Layout]:
        layouts = [self._layout(plan) async for plan in unhurried(plans)]
        await self._place(layouts, self.records.outbox)
        wanted = dict.fromkeys(text for one in layouts for text in one.texts if text not in one.known)
        made = await self._embed(list(wanted))
        for one in layouts:
            _complete(one, made)
        return layouts

    async def _laid_out_again(self, layouts: Sequence[_Layout], outbox: Outbox) -> list[_Layout]:
        """What was laid out over a change that was still to be applied, by what the points hold under the lock.

        The writer of that change may have been killed in the middle of it after its points were read here.
        """
        over = [one for one in layouts if one.plan.mark.waiting]
        if not over:
            return list(layouts)
        stored = await read_stored(self.vectors, [one.plan.memory_id for one in over])
        again = {}
        for one in over:
            vectors = {text: point.vector for text, point in zip(one.texts, one.points, strict=True) if point.vector}
            plan = replace(one.plan, stored=stored.get(one.plan.memory_id, ()), known={**one.plan.known, **vectors})
            again[plan.memory_id] = self._layout(plan)
        await self._place(list(again.values()), outbox)
        for one in again.values():
            _complete(one, {})
        return [again.get(one.plan.memory_id, one) for one in layouts]

    def _layout(self, plan: Plan) -> _Layout:
        kept = None if plan.after is None else self._by_keys(plan, plan.after)
        if kept is not None:
            return kept
        if plan.after is None:
            return _Layout(plan, surplus=_surplus(plan, set()))
        texts = self._texts(plan, plan.after)
        # The vectors of another model are not to be written again.
        known = {**vectors_by_text(plan.stored), **plan.known} if self._prepared else {}
        present = tuple(text for text in texts if text is not None)
        points = points_of(plan.memory_id, plan.after, texts, {**keeping(plan.stored), **plan.own})
        return _Layout(plan, plan.after.type, present, points, known)

    def _by_keys(self, plan: Plan, after: State) -> _Layout | None:
        """The layout where changing keys alone is enough, None where points must be written."""
        current = next(
            (one for one in plan.stored if only_keys_differ(one, after) and plan.texts in (None, one.pieces)), None
        )
        if current is None or (is_one_chunk(plan.own) and not is_one_chunk(own_keys(current))):
            return None
        type_, changes = current.state.type, key_changes(current, after, plan.own)
        if self._prepared and any(None in json.loads(change)[0].values() for change in changes):
            return None  # Qdrant takes null for «remove»: such a point must be written whole
        keys = {(type_, change): ids for change, ids in changes.items()}
        return _Layout(plan, keys=keys, surplus=_surplus(plan, {(type_, point.id) for point in current.points}))

    def _texts(self, plan: Plan, after: State) -> tuple[str | None, ...]:
        """What to index the memory by: as it is indexed now if the text is the same, else what the chunker gives."""
        if plan.texts is not None:
            return plan.texts
        for one in plan.stored:
            texts = one.texts if one.state.content == after.content else None
            if texts is not None and (len(texts) > 1 or is_one_chunk(own_keys(one))):
                return texts
        return self.chunks(after.content)

    def chunks(self, text: str) -> tuple[str, ...]:
        """The text, cut as the settings say."""
        return chunks(text, self.settings.chunk_size, self.settings.chunk_overlap)

    async def _place(self, layouts: Sequence[_Layout], outbox: Outbox) -> None:
        """Moves a chunk whose id is that of another memory: MCP Memoria can make one under the id of a first chunk."""
        owned: defaultdict[MemoryType, dict[str, str]] = defaultdict(dict)
        firsts: list[str] = []
        for one in layouts:
            if one.type is not None and one.in_chunks:
                owned[one.type] |= {point.id: one.plan.memory_id for point in one.points}
                firsts.append(one.points[0].id)
        # Of the memories of this act, which may not be in the store yet, the history knows.
        marks = await outbox.marks(firsts) if firsts else {}
        taken = {one for one, mark in marks.items() if not mark.deleted}
        for type_, owners in owned.items():
            where = Filter((HasId(frozenset(owners)),))
            there = await self.vectors.scroll(Scroll(type_, len(owners), where, payload_keys=("parent_id",)))
            taken |= {point.id for point in there if memory_id_of(point) != owners[point.id]}
        if taken:
            for one in layouts:
                if one.in_chunks:
                    one.foreign = {point.id for point in one.points} & taken
                    one.points = [moved(point) if point.id in taken else point for point in one.points]
        await self._make_room(layouts)

    async def _make_room(self, layouts: Sequence[_Layout]) -> None:
        """Has a chunk that is stored under the id of a memory to be made written under another id first."""
        for type_ in MemoryType:
            made = [one for one in layouts if one.type is type_ and is_chunk_id(one.plan.memory_id)]
            ids = [one.plan.memory_id for one in made]
            for point in await self.vectors.retrieve(type_, ids, vectors=True) if ids else ():
                if memory_id_of(point) != point.id:
                    next(one for one in made if one.plan.memory_id == point.id).moved = [moved(point)]

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
        self._rest_until = None
        return dict(zip(texts, made, strict=True))


def _complete(layout: _Layout, made: Mapping[str, Vector]) -> None:
    """Gives the points their vectors, and plans to delete what is no longer theirs."""
    if layout.type is not None:
        kept = {point.id for point in layout.points} | layout.foreign
        layout.surplus = _surplus(layout.plan, {(layout.type, point_id) for point_id in kept})
        vectors = [layout.known.get(text, made.get(text)) for text in layout.texts]
        layout.points = list(map(_with_vector, layout.points, vectors))
        layout.pending = any(vector is None for vector in vectors)


def _surplus(plan: Plan, kept: set[tuple[MemoryType, str]]) -> list[tuple[MemoryType, str]]:
    """All points of the memory but these."""
    there = [(stored.state.type, point.id) for stored in plan.stored for point in stored.points]
    return [one for one in there if one not in kept]


def _with_vector(point: Point, vector: Vector | None) -> Point:
    return Point(point.id, point.payload, vector)
