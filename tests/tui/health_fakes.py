"""All that the Health screen asks, in memory: a store with defects that a repair takes away and undo brings back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from services.access_tokens import AccessTokenService
from services.acting import Scope
from services.adapters.database_upgrade import DatabaseService
from services.backup.backup_service import BackupService
from services.backup.backup_values import Archive, Comparison, RestoreReport
from services.backup.daily_backups import DailyBackups
from services.backup.restore_service import RestoreService
from services.connected_agents import ConnectedAgentService
from services.errors import Conflict, MemoriaError
from services.health import HealthService, Waiting
from services.integrity import checks
from services.integrity.check import Check
from services.integrity.defects import Defect, DescribedDefect, Keep, Repaired, Survey
from services.integrity.integrity_service import IntegrityService
from services.model import (
    ChangedSince,
    IfChanged,
    Memory,
    MemoryType,
    Progress,
    Relation,
    RelationType,
    StoreKind,
    StoreStatus,
    Undone,
)
from services.model.database import DatabaseStatus, UpgradePlan
from services.points import CollectionInfo
from services.ports import Draft
from services.records.access_tokens import AccessToken
from services.records.archive_tables import Difference
from services.records.connected_agents import ConnectedAgent
from services.reembedding.reembed_values import ReembedReport, ReembedState, Target
from services.reembedding.reembedding_service import ReembeddingService
from services.settings import Settings
from services.work.writer_zone import Zones
from tests.tui.fakes import NOW, FakeMemories, FakeServices, Store, filled, memory_id, unheard

if TYPE_CHECKING:
    from services.container import Services

_FOLDER = Path("/home/anna/.local/share/memoria-tui/backups")
HOSTILE = "Notes of an agent \x1b[31m[bold]red[/]\x1b]52;c;ZWNobw==\x07"

_TOLD = {
    checks.HEADLESS: (
        "the first chunk is missing, 4 of 5 are there",
        "saved again from its complete text, in 5 chunks",
    ),
    checks.NESTED: (
        "2 keys are under `metadata`, where no filter finds them: ticket, attendees",
        "they move to the top level; metadata_attendees where that key has another value already",
    ),
    checks.UNEVEN: ("its 4 chunks differ in tags: one (chunk 1), two (chunks 2, 3, 4)", "all get the same"),
    checks.STALE: ("a write that came late put an older state over the newest", "gets the newest state again"),
    checks.CHUNK_ENDS: ("the target is a chunk", "ends in the memory itself"),
    checks.ORPHANS: ("the source is no memory", "removed; the history keeps it"),
    checks.SECRETS: ("has a password", "masked in the text"),
}

_OUTCOMES = {
    checks.UNEVEN: {Keep.FIRST: "tags: one", Keep.NEWEST: "tags: two", Keep.UNION: "tags: one, two"},
    checks.STALE: {Keep.NEWEST: "the newer text", Keep.STORED: "the older text"},
}


def defects(store: Store) -> dict[Check, tuple[Defect, ...]]:
    """Some of most kinds, one of them on a memory with hostile text."""
    relations = [
        Relation("r7", memory_id(1), memory_id(3), RelationType.FIXES),
        Relation("r8", memory_id(91), memory_id(2), RelationType.PART_OF),
    ]
    made = NOW - timedelta(days=3)
    store.memories[memory_id(50)] = Memory(memory_id(50), MemoryType.SEMANTIC, HOSTILE, made, made)
    found: dict[Check, tuple[Defect, ...]] = dict.fromkeys(checks.CHECKS, ())
    found[checks.HEADLESS] = (Defect(checks.HEADLESS, memory_id(3)),)
    found[checks.NESTED] = tuple(Defect(checks.NESTED, memory_id(number)) for number in (4, 50))
    found[checks.UNEVEN] = (Defect(checks.UNEVEN, memory_id(3)),)
    found[checks.CHUNK_ENDS] = (Defect(checks.CHUNK_ENDS, "r7", relations[0]),)
    found[checks.ORPHANS] = (Defect(checks.ORPHANS, "r8", relations[1]),)
    return found


@dataclass
class FakeIntegrity(IntegrityService):
    """Keeps its defects in a dict."""

    store: Store
    found: dict[Check, tuple[Defect, ...]]
    may_repair: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set: a repair waits after its first step."""
    surveys: int = 0
    keeps: list[Keep] = field(default_factory=list)
    """The choice of each repair."""

    def __post_init__(self) -> None:
        self.may_repair.set()

    async def survey(self, *, progress: Callable[[Progress], None] = unheard) -> Survey:
        self.store.check()
        self.surveys += 1
        progress(Progress(len(self.store.memories), None, "Checking memories"))
        return Survey(dict(self.found), len(self.store.memories), 143)

    async def describe(self, found: Sequence[Defect]) -> tuple[DescribedDefect, ...]:
        return tuple(self._described(one) for one in found)

    def _described(self, one: Defect) -> DescribedDefect:
        if one.relation is None:
            outcomes = _OUTCOMES.get(one.check, {})
            return DescribedDefect(one, (self.store.memories.get(one.id),), *_TOLD[one.check], outcomes)
        ends = (one.relation.source_id, one.relation.target_id)
        return DescribedDefect(one, tuple(map(self.store.memories.get, ends)), *_TOLD[one.check])

    async def foresee(self, chosen: Sequence[Defect], keep: Keep = Keep.FIRST) -> Repaired:
        relations = sum(one.relation is not None for one in chosen)
        return Repaired("", memories=len(chosen) - relations, moved=relations)

    async def repair(
        self, defects: Sequence[Defect], *, keep: Keep = Keep.FIRST, progress: Callable[[Progress], None] = unheard
    ) -> Repaired:
        self.store.check()
        self.keeps.append(keep)
        self.store.remember(f"repaired {len(defects)}")
        progress(Progress(1, len(defects), "Repairing"))
        await self.may_repair.wait()
        self.found = {kind: tuple(one for one in of if one not in defects) for kind, of in self.found.items()}
        self.store.latest += 1
        return Repaired("group", memories=len(defects))


@dataclass
class FakeHealthLook(HealthService):
    """What the stores say about themselves."""

    store: Store
    waits: tuple[Waiting, ...] = ()
    away: bool = False
    others: str = ""

    async def languages(self) -> str:
        return self.others

    async def status(self) -> tuple[StoreStatus, StoreStatus, StoreStatus]:
        problem = ("cannot reach PostgreSQL at db.acme.example:5432/memoria: is it running?",)
        postgres = StoreStatus(
            StoreKind.POSTGRES, True, "embedded", "18.4", 0.9, {"relations": 143, "sessions": 160, "changes": 12}
        )
        away = StoreStatus(StoreKind.POSTGRES, False, "db.acme.example:5432/memoria", problems=problem)
        counts = {"memories": 8, "episodic": 2, "semantic": 4, "procedural": 2, "points": 21}
        return (
            StoreStatus(StoreKind.QDRANT, True, "embedded", "0.9.0", 1.2, counts),
            away if self.away else postgres,
            StoreStatus(StoreKind.EMBEDDER, True, "bundled", "wordllama 256", None, {"dimensions": 256}),
        )

    async def collections(self) -> Mapping[MemoryType, CollectionInfo]:
        missing = {MemoryType.SEMANTIC: ("created_at", "project")}
        return {type_: CollectionInfo(7, 256, missing.get(type_, ())) for type_ in MemoryType}

    async def waiting(self, limit: int = 200) -> tuple[Waiting, ...]:
        self.store.check()
        return self.waits[:limit]


@dataclass
class FakeDatabase(DatabaseService):
    """A database that lacks nothing, or all of ours; it is not asked about before other writes."""

    upgraded: bool = True

    async def permit(self, *, vectors: bool = False, asking: bool = True) -> None:
        pass

    async def status(self) -> DatabaseStatus:
        missing = () if self.upgraded else ("table memoria_tui.audit_log", "table memoria_tui.embedding_schedule")
        return DatabaseStatus("embedded", "18.4", "0002" if self.upgraded else None, "0002", not self.upgraded, missing)

    async def plan(self) -> UpgradePlan:
        return UpgradePlan("db.acme.example:5432/memoria", () if self.upgraded else ("table memoria_tui.audit_log",))

    async def upgrade(self, *, dry_run: bool = False) -> str:
        self.upgraded = True
        return ""


@dataclass
class FakeBackups(BackupService):
    """Archives in a list."""

    kept: list[Archive] = field(default_factory=list)

    async def archives(self, *folders: Path) -> list[Archive]:
        return self.kept

    async def backup(
        self, folder: Path, *, keep: int | None = None, progress: Callable[[Progress], None] = unheard
    ) -> Archive:
        progress(Progress(151, 151, "changes"))
        self.kept.insert(0, archive(0))
        return self.kept[0]


@dataclass
class FakeRestoring(RestoreService):
    """Tells how it was asked for."""

    archives: FakeBackups
    restored: list[bool] = field(default_factory=list)
    """Whether to replace, for each restore."""

    async def unfinished(self) -> None:
        """Nothing was begun."""

    async def compare(self, archive: Path, *, progress: Callable[[Progress], None] = unheard) -> Comparison:
        chosen = next(one for one in self.archives.kept if one.path == archive)
        differences = (Difference("memories", 2, 1, 0, 5, 1), Difference("relations", same=143))
        return Comparison(chosen, differences, empty=False, re_embed=None, continues=False)

    async def restore(
        self, comparison: Comparison, *, replace: bool = False, progress: Callable[[Progress], None] = unheard
    ) -> RestoreReport:
        self.restored.append(replace)
        return RestoreReport(comparison.archive, {"memories": 3}, 148, archive(0) if replace else None)


def archive(days: int, problem: str | None = None) -> Archive:
    """One of so many days ago."""
    made = NOW - timedelta(days=days)
    counts = {"memories": 8, "relations": 143, "sessions": 160}
    return Archive(_FOLDER / f"memoria-{made:%Y-%m-%d}.tar", made, 1_530_000, counts, "wordllama", 256, "", problem)


@dataclass
class FakeReembedding(ReembeddingService):
    """A store that is with its model."""

    state_: ReembedState = field(default_factory=lambda: ReembedState("wordllama", 256, 8, None, 0, None))

    async def state(self) -> ReembedState:
        return self.state_

    def warning(self, target: Target) -> str:
        return ""

    async def reembed(self, target: Target, *, progress: Callable[[Progress], None] = unheard) -> ReembedReport:
        progress(Progress(8, 8, "memories"))
        self.state_ = ReembedState("another", 384, 8, None, 0, Draft("reembed", 256, "wordllama"))
        return ReembedReport("another", 384, 8, 8, 0.1, True, ())

    async def drop_old(self) -> int:
        self.state_ = replace(self.state_, former=None)
        return 21


@dataclass
class FakeAgents(ConnectedAgentService):
    """Agents in a list."""

    found: list[ConnectedAgent] = field(default_factory=list)
    failure: MemoriaError | None = None

    async def all(self) -> list[ConnectedAgent]:
        if self.failure is not None:
            raise self.failure
        return list(self.found)


@dataclass
class FakeTokens(AccessTokenService):
    """Tokens in a list."""

    found: list[AccessToken] = field(default_factory=list)
    failure: MemoriaError | None = None

    async def all(self) -> list[AccessToken]:
        if self.failure is not None:
            raise self.failure
        return list(self.found)

    async def create(
        self, name: str, scope: Scope, projects: Sequence[str] = (), expires: datetime | None = None
    ) -> tuple[AccessToken, str]:
        if any(one.name == name for one in self.found):
            raise Conflict(f"there is or was a token {name!r}", None)
        made = AccessToken(name, scope, frozenset(projects) or None, "anna", NOW, expires)
        self.found.insert(0, made)
        return made, "memoria_rkKO0zVirShcA8ElSEJI-RRI98Q-okDzcCeyMDIkFRk"

    async def revoke(self, name: str) -> AccessToken:
        self.found = [replace(one, revoked_at=NOW) if one.name == name else one for one in self.found]
        return next(one for one in self.found if one.name == name)


def some_agents() -> list[ConnectedAgent]:
    """One of them with a hostile name."""
    begun, last = NOW - timedelta(hours=2), NOW - timedelta(seconds=20)
    return [
        ConnectedAgent("agent:claude-code", "memoria-tui mcp", begun, 128, 0, "memoria_recall", last),
        ConnectedAgent("agent:token/ci", "memoria-tui serve", begun, 1204, 3, "search", NOW - timedelta(minutes=7)),
        ConnectedAgent(f"agent:{HOSTILE}", "memoria-tui serve", last, 1, 1, "memoria_get", last),
    ]


def some_tokens() -> list[AccessToken]:
    """Valid, never used and for all memories, expired, revoked."""
    made, pier = NOW - timedelta(days=40), frozenset({"pier", "dock"})
    return [
        AccessToken("ci", Scope.WRITE, pier, "anna", made, NOW + timedelta(days=50), None, NOW - timedelta(minutes=7)),
        AccessToken("backup", Scope.ADMIN, None, "anna", made),
        AccessToken("demo", Scope.READ, None, "ben", made, NOW - timedelta(days=10), None, NOW - timedelta(days=11)),
        AccessToken("old", Scope.READ, None, "ben", made, None, NOW - timedelta(days=3)),
    ]


@dataclass
class HealthMemories(FakeMemories):
    """Memories whose undo takes repairs back too."""

    integrity: FakeIntegrity
    before: dict[Check, tuple[Defect, ...]]

    async def undo(
        self,
        group: str | None = None,
        if_changed: IfChanged = IfChanged.REFUSE,
        seen: Sequence[ChangedSince] | None = None,
    ) -> Undone:
        undone = await super().undo(group, if_changed, seen)
        self.integrity.found = self.before
        return replace(undone, entity_ids=())


class HealthServices(FakeServices):
    """What the Health screen asks, for `open_services`."""

    memories: HealthMemories
    agents: FakeAgents
    tokens: FakeTokens
    database: FakeDatabase
    restoring: FakeRestoring

    def __init__(self, *, empty: bool = False) -> None:
        super().__init__(Store() if empty else filled())
        found: dict[Check, tuple[Defect, ...]] = dict.fromkeys(checks.CHECKS, ()) if empty else defects(self.store)
        self.settings = Settings(home=_FOLDER.parent, zone="UTC", backup_keep=7)
        self.zones = Zones("Europe/Rome", "UTC", "3 of 3 pauses show it")
        self.integrity: FakeIntegrity = FakeIntegrity(self.store, dict(found))
        self.memories = HealthMemories(self.store, self.integrity, found)
        self.health_look = FakeHealthLook(self.store)
        self.health = self.health_look
        self.database = FakeDatabase()
        self.backup = FakeBackups([] if empty else [archive(1), archive(9, "the archive is cut off")])
        self.daily_backups = DailyBackups(self.backup, self.newest_change, self.settings, lambda: NOW)
        self.restoring = FakeRestoring(self.backup)
        self.reembedding = FakeReembedding()
        self.agents = FakeAgents([] if empty else some_agents())
        self.tokens = FakeTokens([] if empty else some_tokens())

    async def newest_change(self) -> int:
        return 0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Services]:
        self.store.check()
        yield cast("Services", self)


def waiting(error: str) -> Waiting:
    """A memory whose vectors could not be made."""
    made = NOW - timedelta(hours=3)
    memory = Memory(memory_id(60), MemoryType.EPISODIC, HOSTILE, made, made, pending=True)
    return Waiting(memory.id, memory, 3, error, NOW + timedelta(minutes=4))
