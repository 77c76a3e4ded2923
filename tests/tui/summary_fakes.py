"""Work time and counts of memories in memory: the real reports, over sessions in a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from services.errors import MemoriaError
from services.model import FacetCount, MemoryType, Pause, ReportBy, SessionCategory, SessionStatus, WorkSession
from services.records.session_conditions import SessionSelection
from services.records.session_reports import ReportQuestion, ReportRow
from services.records.stored_sessions import StoredSession
from services.search.memory_counts import AgentTotal, MemoryCounts, MemoryMonths
from services.settings import Settings
from services.work.billing import BillingService
from services.work.clients_and_projects import ClientService
from services.work.report_values import Client, ClientTotal, Project, ProjectTotal
from services.work.reports import ReportService
from services.work.work_service import WorkService
from tests.tui.fakes import FakeServices, Store, clock

if TYPE_CHECKING:
    from services.container import Services
    from services.records import Records

_CLIENTS = ("acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark", "Wayne", "Wonka", "Tyrell")


@dataclass
class SessionTable:
    """As much of `Records` as reports need; each session is added up one by one. The log has none."""

    store: Store
    sessions: list[WorkSession] = field(default_factory=list)
    kept: dict[str, object] = field(default_factory=dict)
    """Settings that a person chose."""

    async def clients(self) -> list[Client]:
        known = sorted({one.client for one in self.sessions if one.client})
        return [Client(name, name, number=number) for number, name in enumerate(known)]

    async def projects(self) -> list[Project]:
        known = {(one.client, one.project) for one in self.sessions if one.project}
        return [
            Project(f"{owner}/{name}", name or "", owner, owner, number=number)
            for number, (owner, name) in enumerate(sorted(known, key=str))
        ]

    async def client_totals(self) -> list[ClientTotal]:
        return [ClientTotal(client, 0, 0, 0, 0, None) for client in await self.clients()]

    async def project_totals(self) -> list[ProjectTotal]:
        return [ProjectTotal(project, 0, 0, 0, None) for project in await self.projects()]

    async def open(self) -> list[StoredSession]:
        return []

    async def page(self, *_: object, **__: object) -> tuple[list[StoredSession], None]:
        return [], None

    async def touching(self, *_: object, **__: object) -> list[StoredSession]:
        return []

    async def by_hour(
        self, selection: SessionSelection, since: datetime, until: datetime, zone: tzinfo
    ) -> tuple[list[float], list[StoredSession]]:
        return [0.0] * 168, (await self.worked(ReportQuestion(selection, ReportBy.DAY, (since, until), (0,))))[1]

    async def update_prompts(self, *_: object) -> None: ...

    async def refresh_views(self) -> bool:
        return True

    async def overlapping(self, *_: object) -> dict[str, list[WorkSession]]:
        return {}

    async def extent(self) -> None:
        return None

    async def all(self) -> dict[str, object]:
        return {"work_day_hours": 7.5, "absences": "2026-09-03", **self.kept}

    async def set(self, key: str, value: object) -> None:
        self.kept[key] = value

    async def worked(self, question: ReportQuestion) -> tuple[list[ReportRow], list[StoredSession]]:
        self.store.check()
        chosen, first, last = question.selection, question.bounds[0], question.bounds[-1]
        return [], [
            StoredSession(one)
            for one in self.sessions
            if one.start < last
            and (one.end or last) > first
            and (not chosen.client_ids or one.client_id in chosen.client_ids)
            and (not chosen.project_ids or one.project_id in chosen.project_ids)
            and (not chosen.where.categories or one.category in chosen.where.categories)
        ]


@dataclass
class FakeMemoryCounts(MemoryCounts):
    """A steady stream of memories, unless there are none or they cannot be reached."""

    none: bool = False
    failure: MemoriaError | None = None
    asked: int = 0
    """How often."""

    async def by_month(self, months: Sequence[date]) -> MemoryMonths:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        if self.none:
            return MemoryMonths(tuple((month, {}) for month in months), ())
        counted = tuple(
            (month, {kind: (month.month * (5 + 2 * place)) % 17 for place, kind in enumerate(MemoryType)})
            for month in months
        )
        names = ("auth", "deploy", "billing", "postgres", "[bold]odd[/]\x1b[2J", "runbook", "support")
        return MemoryMonths(counted, tuple(FacetCount(name, 38 - 5 * number) for number, name in enumerate(names)))

    async def by_agent(self, months: Sequence[date]) -> tuple[AgentTotal, ...]:
        written = [
            tuple(month.month * step % most for month in months) for step, most in ((7, 61), (5, 37), (3, 23), (11, 13))
        ]
        names = ("claude-code", "cursor", "codex", "[bold]odd[/]\x1b[2J", "gemini", "copilot")
        return tuple(
            AgentTotal(name, counts, tuple(one // 2 for one in counts))
            for name, counts in zip(names, [*written, written[3], written[3]], strict=True)
        )


class SummaryServices(FakeServices):
    """What the Summary screen asks, for `open_services`."""

    def __init__(self, sessions: Sequence[WorkSession], *, counts: FakeMemoryCounts | None = None) -> None:
        super().__init__(Store())
        settings = Settings(home=Path("nowhere"), zone="Europe/Rome")
        self.table = SessionTable(self.store, list(sessions))
        parts = dict.fromkeys(("clients", "user_settings", "reports", "hours", "sessions", "log"), self.table)
        told = dict.fromkeys(("update_prompts", "repair_prompts"), self.table.update_prompts)
        records = cast("Records", SimpleNamespace(**parts, **told))
        self.reports = ReportService(records, settings, clock)
        self.work = WorkService(records, settings, clock)
        self.clients = ClientService(records)
        self.billing = BillingService(records, self.reports, self.clients)
        self.memory_counts = counts or FakeMemoryCounts()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Services]:
        yield cast("Services", self)


def session(
    start: datetime,
    hours: float,
    client: str | None = "acme",
    project: str | None = None,
    category: SessionCategory = SessionCategory.CODING,
    pauses: tuple[Pause, ...] = (),
) -> WorkSession:
    """A completed one; hours of 0: it still runs."""
    end = start + timedelta(hours=hours) if hours else None
    return WorkSession(
        id=f"{start:%Y%m%d%H%M%S}-{client}",
        description="work",
        category=category,
        status=SessionStatus.COMPLETED if end else SessionStatus.ACTIVE,
        start=start,
        end=end,
        pauses=pauses,
        client=client,
        project=project,
        client_id=client,
        project_id=f"{client}/{project}" if project else None,
    )


def a_year(clients: int = 4) -> list[WorkSession]:
    """Two sessions on most days of the year before the fakes' clock, of several clients and of none."""
    categories = tuple(SessionCategory)
    made = []
    for number in range(330):
        day = datetime(2026, 11, 20, 8, 0, tzinfo=UTC) - timedelta(days=number)
        if day.weekday() > 4 or number % 41 > 36:
            continue
        client = _CLIENTS[number * 7 % clients]
        made.append(session(day, 3 + number % 3, client, f"{client.lower()}-{number % 2}", categories[number % 5]))
        other = _CLIENTS[(number // 20) % clients] if number % 9 else None
        made.append(session(day + timedelta(hours=6), 1.5 + number % 4 * 0.75, other, None, categories[number % 7]))
    return made


def one_month() -> list[WorkSession]:
    """A few days of this month only."""
    return [session(datetime(2026, 11, day, 8, 0, tzinfo=UTC), 2.5 + day % 7) for day in (2, 3, 4, 9, 17)]
