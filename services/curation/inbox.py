"""The inbox: what agents and imports wrote and no person has reviewed since, one memory at a time.

A review is an act of the history with its undo. What else a person decides about a memory (text, expiry, verification,
deletion, merge, `supersedes`) reviews it in the same act: `services.records.reviews`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.acting import actor_of
from services.curation.facts import differing_facts
from services.curation.trust import EXPIRES_AT
from services.memories.memory_service import MemoryService
from services.memories.merging import Merge
from services.memories.payload import State, read_memory
from services.memories.stored_memories import Stored, memory_id_of, newest, read_stored
from services.model import AGENT, Kind, Memory, MemoryType
from services.points import DenseSearch, Filter, HasId, Matches
from services.ports import Clock, NewChange, PendingReview, Review, VectorStore
from services.records import Records, Transaction
from services.settings import Settings
from services.times import writer_zone

_LIKE = 0.75
"""Least cosine of memories that are shown beside one another."""
_MOST_LIKE = 4
_NEARLY, _FEW = 0.9, 2
"""Cosine from which, and facts up to which, a memory that differs contradicts another one."""
_SESSION = timedelta(hours=1)
"""Silence of an agent after which what it writes is another session's."""


class GroupBy(StrEnum):
    """What the inbox is grouped by."""

    SESSION = "session"
    AGENT = "agent"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class InboxGroup:
    """What was written in one session, by one agent or for one project, oldest first."""

    name: str
    at: datetime
    """When the oldest of it was written."""
    pending: tuple[PendingReview, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A memory that is like one under review."""

    memory: Memory
    cosine: float
    differing: tuple[tuple[str, str], ...]
    """Facts that differ, here and there: ("10 s", "60 s"), ("not", "")."""

    @property
    def contradicts(self) -> bool:
        """True where hardly anything else differs; texts of one template differ in more, and are about other things."""
        return 0 < len(self.differing) <= _FEW and self.cosine >= _NEARLY


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One memory under review."""

    pending: PendingReview
    before: Memory | None
    """As a person knows it; None: it is new."""
    now: Memory | None
    """None: it is deleted."""
    near: tuple[Near, ...] = ()
    """The most alike first."""

    @property
    def change(self) -> str:
        """«new», «changed» or «deleted»."""
        return "deleted" if self.now is None else "new" if self.pending.is_new else "changed"

    @property
    def memory(self) -> Memory:
        """What it is, or was."""
        found = self.now or self.before
        assert found is not None
        return found


class InboxService:
    """What waits for a review, and reviews. Raises StoreUnavailable."""

    def __init__(
        self, vectors: VectorStore, records: Records, memories: MemoryService, settings: Settings, clock: Clock
    ) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._settings, self._zone = settings, writer_zone(settings)
        self._clock = clock

    async def count(self, most: int | None = None) -> int:
        """Memories that wait and are not snoozed; counted up to `most`, if given."""
        return await self._records.reviews.count(self._clock(), most)

    async def pending(self, limit: int, after: int = 0) -> list[PendingReview]:
        """What waits longest first, from the one after this `first_change` on."""
        return await self._records.reviews.page(self._clock(), limit, after)

    async def grouped(self, pending: Sequence[PendingReview], by: GroupBy) -> list[InboxGroup]:
        """Groups in the order of their oldest; those of a project need the memories."""
        names = await self._projects(pending) if by is GroupBy.PROJECT else {}
        found: dict[str, list[PendingReview]] = {}
        last: dict[str, tuple[str, datetime]] = {}
        for one in sorted(pending, key=lambda one: one.first_change):
            key = names.get(one.memory_id, "") if by is GroupBy.PROJECT else author(one)
            if by is GroupBy.SESSION:
                session, at = last.get(key, ("", datetime.min.replace(tzinfo=one.at.tzinfo)))
                if not session or one.at - at > _SESSION:
                    session = f"{key}\0{one.first_change}"
                last[key], key = (session, one.at), session
            found.setdefault(key, []).append(one)
        return [InboxGroup(key.partition("\0")[0], some[0].at, tuple(some)) for key, some in found.items()]

    async def items(self, pending: Sequence[PendingReview]) -> list[InboxItem]:
        """The memories with what was before, without what they are like; those that are gone for good are left out."""
        stored = await read_stored(self._vectors, [one.memory_id for one in pending], embeddings=False)
        numbers = {one.first_change for one in pending} | {one.last_change for one in pending}
        changes = {one.id: one for one in await self._records.history.changes(sorted(numbers))}
        items = []
        for one in pending:
            first, last = (changes.get(number) for number in (one.first_change, one.last_change))
            now = stored[one.memory_id][0].memory(self._zone) if one.memory_id in stored else None
            known = first.before if first else None
            if now is None and known is None:
                known = last.before if last else None
            before = read_memory(one.memory_id, State.from_json(known), self._zone) if known else None
            if now or before:
                items.append(InboxItem(one, before, now))
        return items

    async def review_of(self, memory_id: str) -> Review | None:
        """How a memory stands; None where persons alone wrote it."""
        return await self._records.reviews.of(memory_id)

    async def near(self, memory: Memory) -> tuple[Near, ...]:
        """What a memory is like, by the vectors of its first chunk; the most alike first."""
        states = (await read_stored(self._vectors, [memory.id])).get(memory.id)
        if not states or (vector := states[0].points[0].vector) is None:
            return ()
        others = Filter(must_not=(HasId(frozenset({memory.id})), Matches("parent_id", (memory.id,))))
        requests = [
            DenseSearch(type_, vector, 2 * _MOST_LIKE, others, payload_keys=("parent_id",)) for type_ in MemoryType
        ]
        scores: dict[str, float] = {}
        for hits in await self._vectors.search(requests):
            for hit in hits:
                if hit.score >= _LIKE:
                    id_ = memory_id_of(hit)
                    scores[id_] = max(hit.score, scores.get(id_, 0.0))
        best = sorted(scores, key=lambda id_: -scores[id_])[:_MOST_LIKE]
        stored = await read_stored(self._vectors, best, embeddings=False)
        return tuple(self._near(memory, newest(stored[id_])[0], scores[id_]) for id_ in best if id_ in stored)

    def _near(self, memory: Memory, other: Stored, cosine: float) -> Near:
        there = other.memory(self._zone)
        return Near(there, cosine, differing_facts(memory.content, there.content))

    async def keep(self, seen: Mapping[str, int | None], group: str | None = None) -> int:
        """Reviews memories in one act, or in that of a change group; gives how many.

        Each unless it has a newer change than the one that was seen (None: any).
        """
        async with self._records.transaction() as transaction:
            rows = await transaction.reviews.review(seen, actor_of(self._settings))
            return await _record(transaction, rows, group)

    async def snooze(self, ids: Sequence[str], until: datetime) -> int:
        """Hides memories that wait until then, in one act; gives how many."""
        async with self._records.transaction() as transaction:
            return await _record(transaction, await transaction.reviews.snooze(ids, until))

    async def merge_into(self, memory: Memory, kept: Memory) -> int:
        """Merges a memory into another, which gets its text, tags, keys and relations; the first goes to the trash.

        Raises Conflict when one of them is no longer as it was looked at.
        """
        stored = await read_stored(self._vectors, [memory.id, kept.id], embeddings=False)
        ends = {id_: [id_, *(point.id for state in states for point in state.points)] for id_, states in stored.items()}
        return await self._memories.merge([Merge(kept, (memory,), {memory.id: (), kept.id: (), **ends})])

    async def retire(self, ids: Sequence[str]) -> int:
        """Lets memories expire now, in one act; gives how many."""
        return await self._memories.edit_many(ids, metadata={EXPIRES_AT: self._clock().astimezone(UTC).isoformat()})

    async def _projects(self, pending: Iterable[PendingReview]) -> dict[str, str]:
        stored = await read_stored(self._vectors, [one.memory_id for one in pending], embeddings=False)
        return {id_: states[0].memory(self._zone).project or "" for id_, states in stored.items()}


async def _record(transaction: Transaction, rows: Sequence[NewChange], group: str | None = None) -> int:
    if rows:
        await transaction.history.append(group or str(uuid.uuid4()), rows)
    return len(rows)


def author(pending: PendingReview) -> str:
    """«claude-code»; an import is named by the program that made it, and what MCP Memoria deleted as such."""
    if pending.kind is Kind.IMPORT:
        return f"import by {pending.actor.removeprefix(AGENT)}"
    if pending.kind is Kind.OUTSIDE:
        return "another program"
    return pending.actor.removeprefix(AGENT)
