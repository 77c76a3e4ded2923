"""Services in memory that behave as the real ones do, for screens: no store, no thread, a clock that stands still."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from services.adapters.database_upgrade import DatabaseService
from services.backup.backup_values import Archive, RestoreReport, UnfinishedRestore
from services.backup.daily_backups import DailyBackups
from services.backup.restore_service import RestoreService
from services.curation.curation_values import GroupBy, Naming
from services.curation.duplicate_scan import DuplicateScan, Looked, ScanStep
from services.curation.duplicates import Cluster, DuplicateService, one_cluster
from services.curation.inbox import Finding, InboxItem, InboxService, Near
from services.curation.lineage import LineageService, LineageStep
from services.curation.memory_health import HealthNumber, MemoryHealth, MemoryHealthService
from services.curation.tags_and_projects import NameService
from services.curation.text_likeness import Alike, Duplicate
from services.curation.trust import TrustService
from services.errors import Conflict, MemoriaError, NotFound, NothingToUndo, StoreUnavailable
from services.health import HealthService
from services.integrity.defects import Defect, Keep, Repaired
from services.integrity.integrity_service import IntegrityService
from services.memories.act_summaries import ActPage, ActReader
from services.memories.deleted_outside import Missing, OutsideDeletions
from services.memories.memory_service import MemoryService
from services.memories.payload import State, write_payload
from services.memories.saving import TransactionHook
from services.memories.trash import Check, Purged
from services.model import (
    Act,
    Action,
    Advance,
    Change,
    ChangedSince,
    Entity,
    FacetCount,
    Facets,
    Hit,
    IfChanged,
    Kind,
    Memory,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    Progress,
    Query,
    RelatedMemory,
    Relation,
    RelationType,
    SearchResult,
    SessionCategory,
    SessionStatus,
    StatusSnapshot,
    StoreKind,
    StoreStatus,
    Subject,
    TrashedMemory,
    Undone,
    UndoPreview,
    Why,
    WorkSession,
    no_progress,
    quoted_title,
)
from services.ports import Clock, PendingReview, Review
from services.search.hits import RankedHits
from services.search.listing import Listing
from services.search.search_service import SearchService
from services.secret_texts import masked
from services.settings import Settings
from services.store_watching import LiveService, OnChange, OnStatus
from services.times import WriterZone
from services.transfer.export_source import EVERYTHING, Selection
from services.transfer.exporting import Exported, ExportService
from services.transfer.import_outcome import KEPT_AS_HERE, Side
from services.transfer.import_run import ImportReport, Remark, Sample
from services.transfer.importing import ImportService
from services.transfer.reader_parts.source import Source
from services.transfer.syncing import SyncService
from services.transfer.writers.writer import Writer
from services.work.reports import ReportService
from tests.tui.graph_fakes import FakeGraph, FakeSuggestions

if TYPE_CHECKING:
    from services.container import Services

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def clock() -> datetime:
    """The time at which all tests take place."""
    return NOW


def unheard(_: Progress) -> None:
    """For those who ask for no progress."""


def _act() -> Act:
    return Act("", 1, Kind.EDIT, "user", "memoria-tui", NOW - timedelta(minutes=1), "", {Entity.MEMORY: 1})


@dataclass
class Store:
    """What all fake services share."""

    memories: dict[str, Memory] = field(default_factory=dict)
    trash: dict[str, Memory] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    snoozed_until: datetime | None = None
    undoable: list[tuple[str, str, dict[str, Memory]]] = field(default_factory=list)
    """(group, summary, all memories before it), newest last."""
    relations_before: list[list[Relation]] = field(default_factory=list)
    """All relations before each undoable change."""
    unreviewed: dict[str, PendingReview] = field(default_factory=dict)
    unreviewed_before: list[dict[str, PendingReview]] = field(default_factory=list)
    """What waited for a review before each undoable change."""
    known: dict[str, Memory] = field(default_factory=dict)
    """Memories as they were before agents changed them."""
    near: dict[str, tuple[Near, ...]] = field(default_factory=dict)
    group_by: GroupBy = GroupBy.SESSION
    """What memories are like."""
    duplicates: list[tuple[str, str, float, Alike]] = field(default_factory=list)
    """Pairs, with the share of their words, that a scan found."""
    hints: dict[str, str] = field(default_factory=dict)
    """What a text that is saved is nearly the same as."""
    failure: MemoriaError | None = None
    """Raised by every call while it is set."""
    masks: bool = False
    """Whether secrets are masked as texts are written."""
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds that a search for this text takes."""
    asked: list[Query] = field(default_factory=list)
    recovered: list[bool] = field(default_factory=list)
    """Whether only what was due was to be finished, each time."""
    latest: int = 0
    changed_since: tuple[ChangedSince, ...] = ()
    """What others wrote of all that an undo would change."""
    act: Act = field(default_factory=_act)
    """What every act of the last changes is like."""
    undone: tuple[str, str, dict[str, Memory]] | None = None
    """What a redo brings back: group, summary, all memories after it."""
    sessions: tuple[WorkSession, ...] = ()
    stores: tuple[StoreStatus, ...] | None = None
    """How the stores are; None: as `failure` has it."""
    page_seconds: float = 0.0
    """Which a page of a listing takes."""
    hangs: asyncio.Event | None = None
    """While it is not set, listings and neighbourhoods do not come."""
    others: asyncio.Queue[frozenset[Subject]] | None = None
    """What others write is told through this; None: nobody writes."""

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def check_unchanged(self, *seen: Memory) -> None:
        """Raises Conflict where a memory is not as it was looked at."""
        for one in seen:
            if self.memories.get(one.id) != one:
                how = "changed" if one.id in self.memories else "deleted"
                raise Conflict(f"{quoted_title(one)} was {how} meanwhile; nothing was written", None)

    def remember(self, summary: str, group: str | None = None) -> None:
        """Makes what follows undoable."""
        self.undoable.append((group or f"group-{len(self.undoable)}", summary, dict(self.memories)))
        self.relations_before.append(self.relations)
        self.unreviewed_before.append(dict(self.unreviewed))

    def record(self, action: Action, before: Memory | None, after: Memory | None, summary: str = "") -> None:
        self.latest += 1
        known = after or before
        assert known is not None
        self.changes.append(
            Change(
                id=len(self.changes) + 1,
                group=f"group-{len(self.undoable)}",
                entity=Entity.MEMORY,
                entity_id=known.id,
                action=action,
                actor="anna",
                program="memoria-tui",
                at=NOW - timedelta(minutes=1),
                before=_state(before),
                after=_state(after),
                summary=summary or action.value,
            )
        )

    def matching(self, query: Query) -> list[Memory]:
        """Memories that fit the operators and have all words, newest first."""
        words = [word.casefold() for word in query.text.split()]
        found = [memory for memory in self.memories.values() if _fits(memory, query)]
        found = [memory for memory in found if all(word in memory.content.casefold() for word in words)]
        return sorted(found, key=lambda memory: memory.created_at or NOW, reverse=True)

    def relations_of(self, memory_id: str) -> list[Relation]:
        return [one for one in self.relations if memory_id in (one.source_id, one.target_id)]


def _state(memory: Memory | None) -> Mapping[str, object] | None:
    return State(memory.type, write_payload(memory, WriterZone(UTC))).as_json() if memory else None


def _fits(memory: Memory, query: Query) -> bool:
    return (
        (not query.types or memory.type in query.types)
        and all(tag in memory.tags for tag in query.tags)
        and not any(tag in memory.tags for tag in query.excluded_tags)
        and (not query.projects or memory.project in query.projects)
        and (not query.id_prefixes or memory.id.startswith(query.id_prefixes))
        and (query.since is None or (memory.created_at or NOW) >= query.since)
        and (query.before is None or (memory.created_at or NOW) < query.before)
    )


@dataclass
class FakeListing(Listing):
    """A plain list with random access."""

    store: Store
    found: list[Memory]

    def __post_init__(self) -> None:
        self.total = len(self.found)

    async def page(self, offset: int, limit: int, *, relations: bool = True) -> tuple[Hit, ...]:
        await asyncio.sleep(self.store.page_seconds)
        self.store.check()
        return tuple(
            Hit(memory, relations=len(self.store.relations_of(memory.id)) if relations else 0)
            for memory in self.found[offset : offset + limit]
        )


@dataclass
class FakeRanked(RankedHits):
    """Ranked hits, all of them read."""

    store: Store
    query: Query
    hits: tuple[Hit, ...]
    notices: tuple[str, ...] = ()
    took_ms: float = 21.0
    answered = True

    def __post_init__(self) -> None:
        self.total = len(self.hits)

    async def page(self, offset: int, limit: int) -> tuple[Hit, ...]:
        self.store.check()
        return self.hits[offset : offset + limit]


@dataclass
class FakeSearch(SearchService):
    """Finds memories that have every word."""

    store: Store

    async def search(self, query: Query, first: int | None = None) -> SearchResult:
        self.store.asked.append(query)
        await asyncio.sleep(self.store.delays.get(query.text, 0))
        self.store.check()
        found = [one for one in self.store.matching(query) if one.id != query.like]
        hits = tuple(
            Hit(
                memory,
                score=(score := max(0.05, 1.0 - number * 0.17)),
                relevance=score,
                why=Why(dense=score, keyword=score * 0.8 if query.text else None, graph=0.3 if number == 1 else None),
                passage=memory.content[:200],
                relations=len(self.store.relations_of(memory.id)),
            )
            for number, memory in enumerate(found)
        )
        return SearchResult(query, hits, len(hits), took_ms=21.0)

    async def ranked(self, query: Query) -> FakeRanked:
        return FakeRanked(self.store, query, (await self.search(query)).hits)

    async def listing(self, query: Query, *, again: bool = False) -> FakeListing:
        self.store.asked.append(query)
        if self.store.hangs is not None:
            await self.store.hangs.wait()
        self.store.check()
        return FakeListing(self.store, self.store.matching(query))

    async def facets(self, query: Query) -> Facets:
        self.store.check()
        found = self.store.matching(query)
        return Facets(
            types=_counts(memory.type.value for memory in found),
            tags=_counts(tag for memory in found for tag in memory.tags),
            projects=_counts(memory.project for memory in found if memory.project),
            dates=_counts("today" if _is_today(memory) else "this year" for memory in found),
        )

    async def complete(self, operator: str, prefix: str) -> tuple[str, ...]:
        self.store.check()
        return tuple(entry.value for entry in await self.in_use(operator) if entry.value.startswith(prefix))

    async def in_use(self, operator: str) -> tuple[FacetCount, ...]:
        facets = await self.facets(Query())
        return {"tag": facets.tags, "project": facets.projects, "type": facets.types}.get(operator, ())


def _is_today(memory: Memory) -> bool:
    return memory.created_at is not None and memory.created_at.date() == NOW.date()


def _counts(values: Iterable[str]) -> tuple[FacetCount, ...]:
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    return tuple(
        FacetCount(value, count) for value, count in sorted(counted.items(), key=lambda item: (-item[1], item))
    )


class FakeOutside(OutsideDeletions):
    """Other programs deleted what the test says."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    async def notice(self) -> Missing:
        return Missing(self.ids, len(self.ids))


@dataclass
class FakeActs(ActReader):
    """The last acts as the store remembers them."""

    store: Store

    async def page(self, limit: int, before: int | None = None) -> ActPage:
        acts = [replace(self.store.act, group=group, summary=summary) for group, summary, _ in self.store.undoable]
        return ActPage(tuple(reversed(acts))[:limit], None)

    async def changes(self, group: str, limit: int = 100) -> tuple[Change, ...]:
        number = int(group.rpartition("-")[2]) + 1
        return tuple(change for change in self.store.changes if change.group == f"group-{number}")[:limit]


@dataclass
class FakeMemories(MemoryService):
    """Keeps memories in a dict; conflicts, trash, history and undo as the real service has them."""

    store: Store
    outside = FakeOutside()

    async def get(self, id_or_prefix: str) -> Memory:
        self.store.check()
        if id_or_prefix not in self.store.memories:
            raise NotFound(f"There is no memory {id_or_prefix}")
        return self.store.memories[id_or_prefix]

    async def relations(self, memory_id: str) -> tuple[RelatedMemory, ...]:
        self.store.check()
        return tuple(
            RelatedMemory(
                one,
                outgoing=one.source_id == memory_id,
                other=self.store.memories.get(one.target_id if one.source_id == memory_id else one.source_id),
            )
            for one in self.store.relations_of(memory_id)
        )

    async def history(self, memory_id: str, limit: int = 100, *, before: int | None = None) -> tuple[Change, ...]:
        self.store.check()
        known = [one for one in reversed(self.store.changes) if one.entity_id == memory_id]
        return tuple(one for one in known if before is None or one.id < before)[:limit]

    async def create(self, draft: MemoryDraft, *, also: TransactionHook | None = None) -> Memory:
        self.store.check()
        memory = Memory(
            id=draft.id or f"00000000-0000-4000-8000-{len(self.store.memories) + 1000:012d}",
            type=draft.type,
            content=masked(draft.content) if self.store.masks else draft.content,
            created_at=draft.created_at or NOW,
            updated_at=NOW,
            importance=draft.importance,
            tags=draft.tags,
            project=draft.project,
            metadata=draft.metadata,
        )
        self.store.remember(f'created "{memory.title}"')
        self.store.memories[memory.id] = memory
        self.store.record(Action.CREATED, None, memory)
        return memory

    async def update(self, base: Memory, changes: MemoryChanges, *, check: Check | None = None) -> Memory:
        self.store.check()
        current = self.store.memories.get(base.id)
        touched = changes.content is not None and (current is None or current.content != base.content)
        if current is None or touched:
            raise Conflict("The memory was changed outside meanwhile", current)
        metadata = {**current.metadata, **changes.metadata}
        content = current.content if changes.content is None else changes.content
        new = replace(
            current,
            content=masked(content) if self.store.masks else content,
            tags=current.tags if changes.tags is None else changes.tags,
            importance=current.importance if changes.importance is None else changes.importance,
            project=current.project if changes.project is None else changes.project or None,
            type=changes.type or current.type,
            metadata={key: value for key, value in metadata.items() if key not in changes.removed_keys},
            updated_at=NOW,
        )
        self.store.remember("edited text")
        self.store.memories[base.id] = new
        self.store.record(Action.UPDATED, current, new, "edited text")
        self.store.unreviewed.pop(base.id, None)
        return new

    async def edit_many(
        self,
        ids: Sequence[str],
        *,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        importance: float | None = None,
        project: str | None = None,
        type: MemoryType | None = None,  # noqa: A002
        metadata: Mapping[str, object] = MappingProxyType({}),
    ) -> int:
        self.store.check()
        self.store.remember(f"edited {len(ids)}")
        for one in ids:
            before = self.store.memories[one]
            tags = tuple(dict.fromkeys([*before.tags, *add_tags]))
            after = replace(
                before,
                tags=tuple(tag for tag in tags if tag not in remove_tags),
                importance=before.importance if importance is None else importance,
                project=before.project if project is None else project or None,
                type=type or before.type,
                metadata={**before.metadata, **metadata},
            )
            self.store.memories[one] = after
            self.store.record(Action.UPDATED, before, after, "edited")
        return len(ids)

    async def delete(self, ids: Sequence[str], check: Check | None = None) -> int:
        self.store.check()
        self.store.remember(f"deleted {len(ids)}")
        for one in ids:
            memory = self.store.memories.pop(one)
            self.store.trash[one] = memory
            self.store.unreviewed.pop(one, None)
            self.store.record(Action.DELETED, memory, None)
        return len(ids)

    async def restore(self, ids: Sequence[str]) -> int:
        self.store.check()
        self.store.remember(f"restored {len(ids)}")
        for one in ids:
            if one not in self.store.trash:
                raise NotFound(f"{one} is not in the trash")
            memory = self.store.trash.pop(one)
            self.store.memories[one] = memory
            self.store.unreviewed.pop(one, None)
            self.store.record(Action.RESTORED, None, memory)
        return len(ids)

    async def trash(self, limit: int = 100) -> tuple[TrashedMemory, ...]:
        self.store.check()
        found = [TrashedMemory(one, NOW - timedelta(hours=2), "anna", 1, 1) for one in self.store.trash.values()]
        return tuple(reversed(found))[:limit]

    async def trash_ids(self, before: datetime | None = None) -> dict[str, int]:
        self.store.check()
        return dict.fromkeys(reversed(self.store.trash), 1)

    async def purge(self, ids: Sequence[str], seen: Mapping[str, int] | None = None) -> Purged:
        self.store.check()
        for one in ids:
            del self.store.trash[one]
        return Purged(len(ids), len(ids))

    async def undo_preview(self, group: str | None = None, skip: Sequence[str] = ()) -> UndoPreview:
        self.store.check()
        left = [one for one in self.store.undoable if one[0] not in skip and group in (None, one[0])]
        if not left:
            raise NothingToUndo("there is no change of yours left to undo")
        act = replace(self.store.act, group=left[-1][0], summary=left[-1][1])
        return UndoPreview(act, act.group, effects=1, changed=self.store.changed_since)

    async def redo_preview(self) -> UndoPreview:
        self.store.check()
        if self.store.undone is None:
            raise NothingToUndo("there is nothing to redo")
        group, summary, _ = self.store.undone
        act = replace(self.store.act, group=group, summary=summary)
        return UndoPreview(act, group, redo=True, effects=1, changed=self.store.changed_since)

    @property
    def acts(self) -> FakeActs:
        return FakeActs(self.store)

    async def undo(
        self,
        group: str | None = None,
        if_changed: IfChanged = IfChanged.REFUSE,
        seen: Sequence[ChangedSince] | None = None,
    ) -> Undone:
        self.store.check()
        unseen = if_changed is IfChanged.FORCE and seen is not None and seen != self.store.changed_since
        if unseen or (self.store.changed_since and if_changed is IfChanged.REFUSE):
            raise Conflict("The text was changed since", None)
        if self.store.undone is not None and group == self.store.undone[0]:
            return self._redo(*self.store.undone[1:])
        if not self.store.undoable:
            raise NothingToUndo("There is no change of yours left to undo")
        groups = [one for one, _, _ in self.store.undoable]
        if group is not None and (place := groups.index(group)) < len(groups) - 1:
            return self._undo_links(place)
        undone, summary, before = self.store.undoable.pop()
        self.store.undone = (f"undo {undone}", summary, dict(self.store.memories))
        for one in before:
            self.store.trash.pop(one, None)
        self.store.memories = before
        self.store.relations = self.store.relations_before.pop()
        self.store.unreviewed = self.store.unreviewed_before.pop()
        self.store.latest += 1
        return Undone(summary)

    def _undo_links(self, place: int) -> Undone:
        """Undoes an older act, which has to be one that only made relations."""
        _, summary, _ = self.store.undoable.pop(place)
        before = self.store.relations_before.pop(place)
        self.store.unreviewed_before.pop(place)
        made = [one for one in self.store.relations_before[place] if one not in before]
        self.store.relations = [one for one in self.store.relations if one not in made]
        return Undone(summary)

    def _redo(self, summary: str, memories: dict[str, Memory]) -> Undone:
        self.store.remember(summary)
        self.store.memories, self.store.undone = memories, None
        return Undone(summary, redo=True)

    async def pending_count(self) -> int:
        self.store.check()
        return sum(memory.pending for memory in self.store.memories.values())

    async def recover(self, *, due_only: bool = False) -> int:
        self.store.check()
        self.store.recovered.append(due_only)
        return 0

    async def latest_update(self) -> str | None:
        self.store.check()
        return str(self.store.latest)


@dataclass
class FakeInbox(InboxService):
    """What the store says that it waits for a review."""

    store: Store

    async def group_by(self) -> GroupBy:
        return self.store.group_by

    async def keep_group_by(self, by: GroupBy) -> None:
        self.store.group_by = by

    async def count(self, most: int | None = None) -> int:
        self.store.check()
        return len(self.store.unreviewed)

    async def pending(self, limit: int) -> list[PendingReview]:
        self.store.check()
        return sorted(self.store.unreviewed.values(), key=lambda one: one.first_change)[:limit]

    async def items(self, pending: Sequence[PendingReview]) -> list[InboxItem]:
        found = [(one, self.store.known.get(one.memory_id), self.store.memories.get(one.memory_id)) for one in pending]
        return [InboxItem(one, before, now) for one, before, now in found if before or now]

    async def near(self, memory: Memory) -> tuple[Near, ...]:
        return self.store.near.get(memory.id, ())

    async def keep(self, seen: Mapping[str, int | None], group: str | None = None) -> int:
        there = self.store.unreviewed
        ids = [id_ for id_, number in seen.items() if id_ in there and number in (None, there[id_].last_change)]
        return self._review("reviewed" if group is None else "", ids)

    async def snooze(self, ids: Sequence[str], until: datetime) -> int:
        self.store.snoozed_until = until
        return self._review("snoozed", ids)

    async def retire(self, ids: Sequence[str]) -> int:
        return self._review("retired", ids)

    async def merge_into(self, memory: Memory, kept: Memory) -> int:
        self.store.check_unchanged(memory, kept)
        number = self._review("merged", [memory.id])
        del self.store.memories[memory.id]
        return number

    def _review(self, what: str, ids: Sequence[str]) -> int:
        self.store.check()
        if what:  # else it is a part of an act
            self.store.remember(what)
        for one in ids:
            self.store.unreviewed.pop(one, None)
        return len(ids)

    async def review_of(self, memory_id: str) -> Review | None:
        waiting = self.store.unreviewed.get(memory_id)
        return Review(waiting.reviewed_by, waiting.reviewed_at, True) if waiting else None

    async def _projects(self, pending: Iterable[PendingReview]) -> dict[str, str]:
        found = {one.memory_id: self.store.memories.get(one.memory_id) for one in pending}
        return {id_: memory.project or "" for id_, memory in found.items() if memory is not None}

    async def look(self, pending: Sequence[PendingReview], progress: Advance = no_progress) -> None:
        progress(Progress(0, len(pending)))
        if self.store.hangs is not None:
            await self.store.hangs.wait()

    async def _findings(self, pending: Sequence[PendingReview], progress: Advance) -> dict[str, Finding]:
        await self.look(pending, progress)
        near = {one.memory_id: self.store.near.get(one.memory_id, ()) for one in pending}
        contradicting = {id_ for id_, some in near.items() if any(one.contradicts for one in some)}
        return {id_: Finding.CONTRADICTS if id_ in contradicting else Finding.NOTHING for id_ in near}


@dataclass
class FakeMasking(IntegrityService):
    """Masks secrets; the fakes of Health have one that knows the other checks."""

    store: Store

    async def repair(
        self, defects: Sequence[Defect], *, keep: Keep = Keep.FIRST, progress: Advance = lambda _: None
    ) -> Repaired:
        self.store.check()
        self.store.remember("masked")
        for memory in (self.store.memories[one.id] for one in defects):
            self.store.memories[memory.id] = replace(memory, content=masked(memory.content))
        return Repaired("group", len(defects))


@dataclass
class FakeDuplicateScan(DuplicateScan):
    """A scan that finds nothing more."""

    store: Store

    async def scan(self, *, again: bool = False) -> AsyncIterator[ScanStep]:
        self.store.check()
        yield ScanStep(8, 8, 0)

    async def hint(self, memory: Memory, looked: Awaitable[Looked | None] | None = None) -> str:
        return self.store.hints.get(memory.content, "")


@dataclass
class FakeDuplicates(DuplicateService):
    """Those of the store that nobody decided on."""

    store: Store

    async def clusters(self, above: float = 0.0) -> tuple[Cluster, ...]:
        self.store.check()
        memories = self.store.memories
        decided = {frozenset((one.source_id, one.target_id)) for one in self.store.relations}
        return tuple(
            Cluster(memories[one], (Duplicate(memories[other], 0.97, shared, kind),))
            for one, other, shared, kind in self.store.duplicates
            if memories.keys() >= {one, other} and frozenset((one, other)) not in decided
        )

    async def among(self, ids: Sequence[str]) -> tuple[Cluster, ...]:
        self.store.check()
        memories = [self.store.memories[one] for one in ids if one in self.store.memories]
        return (one_cluster(memories),) if len(memories) > 1 else ()

    async def merge(self, merges: Sequence[tuple[Memory, Sequence[Memory]]], text: str | None = None) -> int:
        self.store.check()
        self.store.check_unchanged(*(one for kept, others in merges for one in (kept, *others)))
        self.store.remember("merged")
        for kept, others in merges:
            self.store.memories[kept.id] = replace(kept, content=text or kept.content)
            for one in others:
                self.store.trash[one.id] = self.store.memories.pop(one.id)
        return sum(len(others) for _, others in merges)

    async def keep_apart(self, memories: Sequence[Memory]) -> int:
        self.store.remember("kept both")
        one, other = memories
        made = Relation(f"{len(self.store.relations)}", one.id, other.id, RelationType.RELATED)
        self.store.relations = [*self.store.relations, made]
        return 1


@dataclass
class FakeLineage(LineageService):
    """Of the relations of the store, one step in each direction."""

    store: Store

    async def chain(self, memory_id: str) -> tuple[LineageStep, ...]:
        self.store.check()
        memories, made = self.store.memories, datetime(2026, 11, 18, tzinfo=UTC)
        pairs = [(one.source_id, one.target_id) for one in self.store.relations if one.type is RelationType.SUPERSEDES]
        ids = dict.fromkeys([*(new for new, old in pairs if old == memory_id), memory_id])
        ids |= dict.fromkeys(old for new, old in pairs if new == memory_id)
        return tuple(
            LineageStep(
                memories[one],
                made if any(old == one for _, old in pairs) else None,
                tuple(memories[old] for new, old in pairs if new == one),
            )
            for one in ids
        )


@dataclass
class FakeMemoryHealth(MemoryHealthService):
    """All are reviewed, and one agent wrote three."""

    store: Store

    async def look(self) -> MemoryHealth:
        self.store.check()
        total = len(self.store.memories)
        numbers = (HealthNumber("reviewed", "is:reviewed", total), HealthNumber("stale", "is:stale", 2))
        return MemoryHealth(total, numbers, (HealthNumber("codex", 'by:"codex" since:30d', 3),))


@dataclass
class FakeNames(NameService):
    """Tags and projects of the store."""

    store: Store

    async def in_use(self, naming: Naming) -> tuple[FacetCount, ...]:
        self.store.check()
        projects = naming is Naming.PROJECT
        memories = self.store.memories.values()
        names = Counter(
            name for one in memories for name in ([one.project] if projects else one.tags) if name is not None
        )
        return tuple(
            FacetCount(name, count) for name, count in sorted(names.items(), key=lambda one: (-one[1], one[0]))
        )

    async def rename(
        self, naming: Naming, names: Mapping[str, str | None], progress: Callable[[Progress], None] = unheard
    ) -> int:
        self.store.check()
        self.store.remember("renamed")
        number = 0
        for one in list(self.store.memories.values()):
            if naming is Naming.TAG and not names.keys().isdisjoint(one.tags):
                tags = tuple(dict.fromkeys(new for tag in one.tags if (new := names.get(tag, tag))))
                self.store.memories[one.id] = replace(one, tags=tags)
            elif naming is Naming.PROJECT and one.project in names:
                self.store.memories[one.id] = replace(one, project=names[one.project or ""])
            else:
                continue
            number += 1
        return number


@dataclass
class FakeTrust(TrustService):
    """Confirms memories of the store, and lets them expire."""

    store: Store

    async def verify(self, ids: Sequence[str]) -> int:
        return self._set(ids, "last_verified", NOW.isoformat())

    async def expire(self, ids: Sequence[str], at: datetime | None) -> int:
        return self._set(ids, "expires_at", at.isoformat() if at else None)

    def _set(self, ids: Sequence[str], key: str, value: object) -> int:
        self.store.check()
        self.store.remember(f"set {key}")
        for one in ids:
            memory = self.store.memories[one]
            self.store.memories[one] = replace(memory, metadata={**memory.metadata, key: value})
        return len(ids)


@dataclass
class FakeHealth(HealthService):
    """All three stores are well, until the shared failure is set."""

    store: Store

    async def status(self) -> tuple[StoreStatus, StoreStatus, StoreStatus]:
        ok = self.store.failure is None
        return (
            StoreStatus(StoreKind.QDRANT, ok, "embedded"),
            StoreStatus(StoreKind.POSTGRES, ok, "embedded"),
            StoreStatus(StoreKind.EMBEDDER, True, "bundled"),
        )


def _lines(source: Source) -> list[str]:
    return Path(source.name).read_text("utf-8").splitlines()


@dataclass
class FakeImporting(ImportService):
    """Makes one memory of every line of a file; «mine | theirs» was changed here and there."""

    store: Store

    async def import_sources(  # type: ignore[override]
        self,
        sources: Sequence[Source],
        *,
        dry_run: bool = False,
        take: Callable[[str], Side | None] = lambda _: None,
        progress: Callable[[Progress], None] = unheard,
    ) -> ImportReport:
        self.store.check()
        lines = [line for source in sources for line in _lines(source)]
        failed = [Remark("notes.txt", str(number), "empty") for number, line in enumerate(lines, 1) if not line]
        kept = []
        for place, line in enumerate(lines):
            mine, both, theirs = line.partition(" | ")
            if both and (side := take(mine)) is None:
                kept.append(
                    Remark("notes.txt", str(place), f"changed on both sides: {KEPT_AS_HERE}", (mine, theirs), mine)
                )
                lines[place] = ""
            elif both:
                lines[place] = theirs if side is Side.THEIRS else mine
        lines = list(filter(None, lines))
        for number, line in enumerate(lines, 1):
            progress(Progress(number, len(lines), "Importing"))
            if not dry_run:
                await FakeMemories(self.store).create(MemoryDraft(line))
        samples = [Sample("notes.txt", "1", "x", MemoryType.SEMANTIC, line, True) for line in lines]
        return ImportReport(memories=len(lines), created=len(lines), failed=failed, kept=kept, samples=samples)


@dataclass
class FakeExporting(ExportService):
    """Writes one line a memory, and keeps what else was asked for."""

    store: Store
    asked: tuple[Writer, Selection] | None = None

    async def write(
        self,
        path: Path,
        writer: Writer,
        selection: Selection = EVERYTHING,
        *,
        replace: bool = True,
        progress: Callable[[Progress], None] = unheard,
    ) -> Exported:
        self.store.check()
        self.asked = writer, selection
        ids = list(self.store.memories) if selection.ids is None else selection.ids
        path.write_text("".join(f"{one}\n" for one in ids), "utf-8")  # noqa: ASYNC240
        return Exported({"memories": len(ids)}, {}, writer.lost)


class FakeDailyBackups(DailyBackups):
    """Nothing is due."""

    def __init__(self) -> None:
        pass

    async def make(self) -> None:
        return None


class FakeSyncing(SyncService):
    """Nothing is synced."""

    def __init__(self) -> None:
        pass

    async def watch(self, tell: object) -> None:
        return None


class Away:
    """Work of a database that cannot be reached."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def refused(*_: object, **__: object) -> None:
            raise StoreUnavailable("cannot reach PostgreSQL")

        return refused


class FakeReports(ReportService):
    """Nobody reads views here."""

    def __init__(self) -> None:
        pass

    async def refresh_views(self) -> bool:
        return True


@dataclass
class FakeLive(LiveService):
    """Tells what the test puts into the queue, and how the stores are each time."""

    store: Store
    health: HealthService
    attended: int = 0

    async def watch(self, on_status: OnStatus, on_change: OnChange) -> None:
        on_status(await self.poll_work())
        while self.store.others is not None:
            subjects = await self.store.others.get()
            on_status(await self.poll_work())
            on_change(subjects)
            self.store.others.task_done()

    async def poll_work(self) -> StatusSnapshot:
        stores = await self.health.status() if self.store.stores is None else self.store.stores
        pending = sum(memory.pending for memory in self.store.memories.values())
        return StatusSnapshot(stores, pending, False, self.store.sessions, len(self.store.unreviewed))

    def attend(self) -> None:
        self.attended += 1


class FakeDatabase(DatabaseService):
    """Stores of our own: nobody need be asked before the first write."""

    def __init__(self) -> None:
        pass

    async def permit(self, *, vectors: bool = False, asking: bool = True) -> None:
        pass


class FakeRestoring(RestoreService):
    """Restores, of which one may have been begun and not finished."""

    def __init__(self, begun: UnfinishedRestore | None = None) -> None:
        self.begun = begun
        self.done: list[str] = []

    async def unfinished(self) -> UnfinishedRestore | None:
        return self.begun

    async def finish(self, *, progress: Callable[[Progress], None] = unheard) -> RestoreReport:
        assert self.begun is not None
        self.done.append("finished")
        made = Archive(self.begun.path, NOW, 1, {}, "wordllama", 256, "", None)
        return RestoreReport(made, {}, 0, None)

    async def take_back(self, *, progress: Callable[[Progress], None] = unheard) -> None:
        self.done.append("taken back")


@dataclass
class FakeServices:
    """What the container gives, in memory."""

    store: Store
    settings = Settings(home=Path("/nowhere"), zone="UTC")

    def __post_init__(self) -> None:
        self.settings = Settings(home=Path("/home/anna/.local/share/memoria-tui"))
        self.restoring: RestoreService = FakeRestoring()
        self.search: SearchService = FakeSearch(self.store)
        self.memories: MemoryService = FakeMemories(self.store)
        self.graph = FakeGraph(self.store)
        self.inbox: InboxService = FakeInbox(self.store)
        self.integrity: IntegrityService = FakeMasking(self.store)
        self.duplicate_scan: DuplicateScan = FakeDuplicateScan(self.store)
        self.duplicates: DuplicateService = FakeDuplicates(self.store)
        self.lineage: LineageService = FakeLineage(self.store)
        self.memory_health: MemoryHealthService = FakeMemoryHealth(self.store)
        self.names: NameService = FakeNames(self.store)
        self.trust: TrustService = FakeTrust(self.store)
        self.suggestions = FakeSuggestions(self.store, self.graph)
        self.health: HealthService = FakeHealth(self.store)
        self.importing: ImportService = FakeImporting(self.store)
        self.exporting: ExportService = FakeExporting(self.store)
        self.reports: ReportService = FakeReports()
        self.daily_backups: DailyBackups = FakeDailyBackups()
        self.syncing: SyncService = FakeSyncing()
        self.database: DatabaseService = FakeDatabase()
        self.live: LiveService = FakeLive(self.store, self.health)
        self.clock: Clock = clock

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Services]:
        """For the app's `open_services`; raises the store's failure instead, when there is one."""
        self.store.check()
        yield cast("Services", self)


def memory_id(number: int) -> str:
    """The id of the fake memory of this number."""
    return f"00000000-0000-4000-8000-{number:012d}"


_TTL = """JWT expiry was set to 10 s; tokens died in flight

The access token lived **10 s** because the configuration is read in *seconds* while the code passed milliseconds.

- set `ACCESS_TTL=900`
- restart the gateway"""
_ROTATE = """Rotate the signing key without signing anybody out

1. add the new key
2. wait a day for old tokens
3. remove the old key"""
_SEMANTIC, _EPISODIC, _PROCEDURAL = MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL
_MEMORIES = (
    (_SEMANTIC, _TTL, "auth jwt", "api", 72, 0.8),
    (_EPISODIC, "Anna: customers are signed out after lunch, tokens again", "auth support", "api", 120, 0.6),
    (_PROCEDURAL, _ROTATE, "auth runbook", "api", 500, 0.9),
    (_SEMANTIC, "Sessions survive a deploy since v2.1", "deploy", "gateway", 1_500, 0.5),
    (_EPISODIC, "Moved the billing job to the night", "billing cron", "billing", 2_200, 0.4),
    (_PROCEDURAL, "How we cut a release: tag, changelog, canary, all", "deploy release", "gateway", 2_900, 0.7),
    (_SEMANTIC, "Postgres autovacuum needs a lower scale factor on events", "postgres", "infra", 4, 0.5),
)
"""Type, text, tags, project, hours of age, importance."""


def filled() -> Store:
    """A small store that looks like a team's."""
    store = Store()
    for number, (kind, text, tags, project, hours, importance) in enumerate(_MEMORIES, 1):
        made = NOW - timedelta(hours=hours)
        one = memory_id(number)
        store.memories[one] = Memory(one, kind, text, made, made, made, 0, importance, tuple(tags.split()), project)
    store.relations = [
        Relation("r1", memory_id(1), memory_id(2), RelationType.FIXES),
        Relation("r2", memory_id(3), memory_id(1), RelationType.DERIVES),
    ]
    store.record(Action.CREATED, None, store.memories[memory_id(1)])
    store.sessions = (
        WorkSession(
            "s1", "fix login", SessionCategory.CODING, SessionStatus.ACTIVE, NOW - timedelta(minutes=84), client="acme",
            project="api",
        ),
    )  # fmt: skip
    return store


def many(number: int) -> Store:
    """A store of any size, newest last."""
    store = Store()
    for one in range(number):
        made = NOW - timedelta(minutes=number - one)
        store.memories[memory_id(one)] = Memory(memory_id(one), MemoryType.SEMANTIC, f"memory {one}", made, made)
    return store
