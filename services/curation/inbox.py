"""The inbox: what agents and imports wrote and no person has reviewed since, one memory at a time.

A review is an act of the history with its undo. What else a person decides about a memory (text, expiry, verification,
deletion, merge, `supersedes`) reviews it in the same act: `services.records.reviews`.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.acting import actor_of
from services.batches import batches
from services.concurrency import together
from services.curation.curation_values import GroupBy
from services.curation.differing_facts import differing_facts
from services.curation.duplicate_scan import DuplicateScan
from services.curation.text_likeness import Alike, shared_words
from services.errors import StoreReadOnly
from services.memories.memory_service import MemoryService
from services.memories.merging import Merge
from services.memories.payload import State, read_memory
from services.memories.stored_memories import Stored, memory_id_of, newest, read_stored
from services.model import AGENT, Advance, Kind, Memory, MemoryType, Progress, no_progress
from services.model.memories import SOON
from services.model.trust_keys import EXPIRES_AT
from services.points import DenseSearch, Filter, HasId, Matches
from services.ports import Clock, NewChange, PendingReview, Review, VectorStore
from services.records import Records, Transaction
from services.secret_texts import find_secrets
from services.settings import Settings
from services.times import writer_zone

_GROUP_BY = "inbox_group_by"
_LIKE = 0.75
"""Least likeness of memories that are shown beside one another."""
_MOST_LIKE = 4
_NEARLY, _FEW = 0.9, 2
"""Likeness from which, and facts up to which, a memory that differs contradicts another one."""
_AT_ONCE = 100
"""Memories that are read and compared at once."""
_SESSION = timedelta(hours=1)
"""Silence of an agent after which what it writes is another session's."""


class Finding(StrEnum):
    """Why a memory under review needs a look, in the order in which that is urgent."""

    SECRET = "has secrets"
    CONTRADICTS = "contradicts another"
    DUPLICATE = "nearly the same as another"
    CHANGED = "changed or deleted by an agent"
    EXPIRES = "expired, or expires soon"
    NOTHING = "nothing found"


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
    likeness: float
    """Cosine of their vectors, or the share of the words that both have, if that is more; 0..1."""
    differing: tuple[tuple[str, str], ...]
    """Facts that differ, here and there: ("10 s", "60 s"), ("not", "")."""
    shared: float = 1.0
    """Share of their words that both have in the same order, 0..1."""
    settled: bool = False
    """Whether a person decided on the two, or one of them is expired or superseded."""
    is_known: bool = False
    """Whether a scan found that they differ in facts alone."""
    passage: str = ""
    """The chunk of it that is the most alike, where it has several."""

    @property
    def contradicts(self) -> bool:
        """True where hardly anything else differs; texts of one template differ in more, and are about other things."""
        likely = self.is_known or self.likeness >= _NEARLY
        return likely and not self.settled and 0 < len(self.differing) <= _FEW


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One memory under review."""

    pending: PendingReview
    before: Memory | None
    """As a person knows it; None: it is new."""
    now: Memory | None
    """None: it is deleted."""

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
        self,
        vectors: VectorStore,
        records: Records,
        memories: MemoryService,
        scan: DuplicateScan,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._scan = scan
        self._looked: dict[str, _Looked] = {}
        """What was read of the memories that wait, so that each is read once a change."""
        self._looking = asyncio.Lock()
        self._settings, self._zone = settings, writer_zone(settings)
        self._clock = clock

    async def group_by(self) -> GroupBy:
        """What a person grouped it by last, also in an earlier start of the program."""
        kept = (await self._records.user_settings.all()).get(_GROUP_BY)
        return next((by for by in GroupBy if by == kept), GroupBy.SESSION)

    async def keep_group_by(self, by: GroupBy) -> None:
        """Keeps it for the next start."""
        await self._records.user_settings.set(_GROUP_BY, by.value)

    async def count(self, most: int | None = None) -> int:
        """Memories that wait and are not snoozed; counted up to `most`, if given."""
        return await self._records.reviews.count(self._clock(), most)

    async def pending(self, limit: int) -> list[PendingReview]:
        """What waits longest first."""
        return await self._records.reviews.pending(self._clock(), limit)

    async def grouped(
        self, pending: Sequence[PendingReview], by: GroupBy, progress: Advance = no_progress
    ) -> list[InboxGroup]:
        """Groups in the order of their oldest, findings in their own; for these and for projects memories are read."""
        names: Mapping[str, str] = {}
        found: dict[str, list[PendingReview]] = {}
        if by is GroupBy.PROJECT:
            names = await self._projects(pending)
        elif by is GroupBy.FINDING:
            names, found = await self._findings(pending, progress), {one: [] for one in Finding}
        last: dict[str, tuple[str, datetime]] = {}
        for one in sorted(pending, key=lambda one: one.first_change):
            key = names.get(one.memory_id, "") if by in (GroupBy.PROJECT, GroupBy.FINDING) else author(one)
            if by is GroupBy.SESSION:
                session, at = last.get(key, ("", datetime.min.replace(tzinfo=one.at.tzinfo)))
                if not session or one.at - at > _SESSION:
                    session = f"{key}\0{one.first_change}"
                last[key], key = (session, one.at), session
            found.setdefault(key, []).append(one)
        return [InboxGroup(key.partition("\0")[0], some[0].at, tuple(some)) for key, some in found.items() if some]

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
        """What a memory is like; what it contradicts first, then the most alike.

        By the vectors of its first chunk, and by what a scan found to have the same words.
        """
        states = (await read_stored(self._vectors, [memory.id])).get(memory.id)
        if not states or (vector := states[0].points[0].vector) is None:
            return ()
        others = Filter(must_not=(HasId(frozenset({memory.id})), Matches("parent_id", (memory.id,))))
        requests = [
            DenseSearch(type_, vector, 2 * _MOST_LIKE, others, payload_keys=("parent_id",)) for type_ in MemoryType
        ]
        answers, known = await together(self._vectors.search(requests), self._records.duplicates.pairs_of([memory.id]))
        pairs = {one.other if one.one == memory.id else one.one: one for one in known}
        scores = {id_: max(one.cosine, one.shared) for id_, one in pairs.items()}
        chunks = dict[str, str]()
        for hit in sorted((hit for hits in answers for hit in hits if hit.score >= _LIKE), key=lambda hit: -hit.score):
            id_ = memory_id_of(hit)
            scores[id_] = max(hit.score, scores.get(id_, 0.0))
            chunks.setdefault(id_, hit.id)
        best = sorted(scores, key=lambda id_: -scores[id_])[:_MOST_LIKE]
        stored, settled = await together(
            read_stored(self._vectors, best, embeddings=False), self._records.duplicates.settled(memory.id, best)
        )
        differ = {id_ for id_, one in pairs.items() if one.kind == Alike.DIFFERS}
        near = [
            self._near(memory, newest(stored[id_])[0], scores[id_], chunks.get(id_)) for id_ in best if id_ in stored
        ]
        found = [
            replace(one, settled=one.settled or one.memory.id in settled, is_known=one.memory.id in differ)
            for one in near
        ]
        return tuple(sorted(found, key=lambda one: not one.contradicts))

    def _near(self, memory: Memory, other: Stored, cosine: float, chunk: str | None) -> Near:
        there = other.memory(self._zone)
        facts = differing_facts(memory.content, there.content)
        is_over = self._is_over(memory.expires_at) or self._is_over(there.expires_at)
        texts = {point.id: str(point.payload.get("content", "")) for point in other.points}
        passage = texts.get(chunk or "", "") if len(texts) > 1 else ""
        return Near(there, cosine, facts, shared_words(memory.content, there.content), is_over, passage=passage)

    def _is_over(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and expires_at <= self._clock()

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

    async def look(self, pending: Sequence[PendingReview], progress: Advance = no_progress) -> None:
        """Compares what was written since the last time with all that there is, some at a time.

        Findings wait for it; who shows something else meanwhile has it done before they are asked for.
        """
        async with self._looking:
            numbers = await self._records.history.numbers([one.memory_id for one in pending])
            self._looked = {id_: one for id_, one in self._looked.items() if one.change == numbers.get(id_)}
            new = [id_ for id_ in numbers if id_ not in self._looked]
            for place, batch in enumerate(batches(new, _AT_ONCE)):
                progress(Progress(place * _AT_ONCE, len(new), "looking"))
                stored = await read_stored(self._vectors, batch, embeddings=False)
                memories = [states[0].memory(self._zone) for states in stored.values()]
                secret = await asyncio.to_thread(_with_secrets, memories)
                with contextlib.suppress(StoreReadOnly):  # then what the last scan found is all that is known
                    await self._scan.refresh(stored)
                for one in memories:
                    self._looked[one.id] = _Looked(numbers[one.id], one.id in secret, one.expires_at)

    async def _findings(self, pending: Sequence[PendingReview], progress: Advance) -> Mapping[str, Finding]:
        """Why each needs a look."""
        await self.look(pending, progress)
        alike = await self._alike([one.memory_id for one in pending])
        return {one.memory_id: self._finding(one, alike.get(one.memory_id, ())) for one in pending}

    async def _alike(self, ids: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """In what ways each is like another one that is there, unless a person decided on them."""
        wanted = frozenset(ids)
        pairs = await self._records.duplicates.pairs_of(wanted)
        others = {id_ for one in pairs for id_ in (one.one, one.other)} - self._looked.keys()
        stored = await read_stored(self._vectors, others, embeddings=False)
        ends = {id_: one.expires_at for id_, one in self._looked.items()}
        ends |= {id_: states[0].memory(self._zone).expires_at for id_, states in stored.items()}
        over = {id_ for id_, end in ends.items() if self._is_over(end)}
        found: dict[str, list[str]] = {}
        for one in pairs:
            settled = one.kind == Alike.DIFFERS and not over.isdisjoint((one.one, one.other))
            if one.one in ends and one.other in ends and not settled:
                for id_ in {one.one, one.other} & wanted:
                    found.setdefault(id_, []).append(one.kind)
        return found

    def _finding(self, pending: PendingReview, alike: Sequence[str]) -> Finding:
        looked = self._looked.get(pending.memory_id)
        if looked is not None and looked.has_secret:
            return Finding.SECRET
        if Alike.DIFFERS in alike:
            return Finding.CONTRADICTS
        if alike:
            return Finding.DUPLICATE
        if looked is None or not pending.is_new:
            return Finding.CHANGED
        ends = looked.expires_at
        return Finding.EXPIRES if ends is not None and ends <= self._clock() + SOON else Finding.NOTHING


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was read of a memory."""

    change: int
    """Its newest one then."""
    has_secret: bool
    expires_at: datetime | None


def _with_secrets(memories: Iterable[Memory]) -> set[str]:
    return {one.id for one in memories if find_secrets(one.content)}


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
