"""The app on real work services, over a database and a clock that the test holds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, chdir, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import cast

from textual.pilot import Pilot

from memoria_tui.app import MemoriaApp
from memoria_tui.modes.work.screen import WorkScreen
from memoria_tui.user_files.config import Config
from services.adapters.postgres.database import CheckedDatabase, Database
from services.container import Services
from services.errors import MemoriaError
from services.health import HealthService
from services.memories.memory_service import MemoryService
from services.model import Entity, SessionCategory, SessionDraft, StatusSnapshot, StoreKind, StoreStatus, WorkSession
from services.ports import Clock, Embedder, SwitchableStore
from services.records import Records
from services.settings import Settings
from services.work.billing import BillingService
from services.work.billing_values import Terms, changed_terms
from services.work.clients_and_projects import ClientService
from services.work.reports import ReportService
from services.work.work_service import WorkService
from tests.services.servers import LEFT, create_database, drop_database
from tests.services.worktables import HeldClock, KeptMemories
from tests.tui.conftest import settle
from tests.tui.fakes import FakeLive, FakeServices, Store
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


class _NoVectors:
    """Undo of work touches no vector."""

    dimensions = 1
    shared = False

    async def ensure(self, *_: object) -> None:
        pass

    async def model(self) -> str:
        return ""

    async def status(self) -> StoreStatus:
        return StoreStatus(StoreKind.QDRANT, ok=True, label="none")


class WorkLive(FakeLive):
    """Tells of the work that stands in the database."""

    def __init__(self, store: Store, health: HealthService, records: Records, clock: Clock) -> None:
        super().__init__(store, health)
        self._records, self._clock = records, clock

    async def poll_work(self) -> StatusSnapshot:
        return replace(await super().poll_work(), sessions=(await self._records.pulse(self._clock())).sessions)


class WorkServices(FakeServices):
    """Work, its reports and undo are real; memories are not."""

    def __init__(self, settings: Settings, clock: HeldClock, failure: MemoriaError | None = None) -> None:
        super().__init__(Store(failure=failure))
        self.settings, self.clock = settings, clock
        self.postgres = Database(settings.database_url or "")
        self.records = Records(CheckedDatabase(self.postgres), settings, clock)
        self.kept = KeptMemories(self.records)
        self.work = WorkService(self.records, settings, clock, self.kept)
        self.reports = ReportService(self.records, settings, clock)
        self.clients = ClientService(self.records)
        self.billing = BillingService(self.records, self.reports, self.clients)
        self.live = WorkLive(self.store, self.health, self.records, clock)
        undoing = MemoryService(
            cast("SwitchableStore", _NoVectors()),
            cast("Embedder", _NoVectors()),
            self.records,
            settings,
            clock,
        )
        self.memories.undo = undoing.undo  # type: ignore[method-assign]
        self.memories.undo_preview = undoing.undo_preview  # type: ignore[method-assign]
        self.memories.redo_preview = undoing.redo_preview  # type: ignore[method-assign]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Services]:
        async with super().opened() as services:
            yield services
        await self.postgres.close()


Before = Callable[[WorkServices], Awaitable[None]]
"""What is done in a database before an app opens it."""


@dataclass
class Desk:
    """An app and what stands behind it."""

    settings: Settings
    """Without a database: the first app gets a new one from `databases`."""
    databases: WorkDatabases | None = None
    failure: MemoriaError | None = None
    theme: str = "memoria-dark"
    clock: HeldClock = field(default_factory=lambda: HeldClock(NOW))

    def app(self, before: Before | None = None, drafts: Path | None = None) -> MemoriaApp:
        """An app that finds what `before` put into its database."""
        before = self._has_database(before)
        services = WorkServices(self.settings, self.clock, self.failure)

        @asynccontextmanager
        async def opened() -> AsyncIterator[Services]:
            async with services.opened() as given:
                if before is not None:
                    await before(services)
                yield given

        self.services = services
        return quick(plain_app(opened, config=Config(theme=self.theme, mode="work"), clock=self.clock, drafts=drafts))

    def _has_database(self, before: Before | None) -> Before | None:
        """Makes it where there is none yet; what is still to be done in it."""
        if self.databases is None or self.settings.database_url is not None:
            return before
        before, url = self.databases.new(before)
        self.settings = replace(self.settings, database_url=url)
        return before

    async def filled(self, before: Before) -> None:
        """Has it put something into the database, for apps to come."""
        if (left := self._has_database(before)) is None:
            return
        services = WorkServices(self.settings, self.clock)
        async with services.opened():
            await left(services)

    @asynccontextmanager
    async def working(
        self,
        before: Before | None = None,
        size: tuple[int, int] = (120, 40),
        drafts: Path | None = None,
    ) -> AsyncIterator[Pilot[None]]:
        """The Work screen of a running app."""
        async with self.app(before, drafts).run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            assert isinstance(pilot.app.screen_stack[0], WorkScreen)
            yield pilot


class WorkDatabases:
    """New databases on one server: copies of one in which was done what many tests begin with."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._names = count()
        self._made = deque[str]()
        for before in FILLED:
            self._fill(create_database(server, before.__name__, "template"), before)

    def _fill(self, url: str, before: Before) -> None:
        async def fill() -> None:
            async with services.opened():
                await before(services)

        services = WorkServices(_settings(Path(), url), HeldClock(NOW))
        asyncio.run(fill())

    def new(self, before: Before | None) -> tuple[Before | None, str]:
        """What is still to be done in it, and its URL."""
        filled = before in FILLED
        self._made.append(f"desk_{next(self._names)}")
        url = create_database(self._server, self._made[-1], before.__name__ if before and filled else "template")
        return None if filled else before, url

    def drop(self) -> None:
        """Drops those that were made so far, but for the last few."""
        while len(self._made) > LEFT:
            drop_database(self._server, self._made.popleft())


def _settings(home: Path, url: str | None) -> Settings:
    return Settings(home=home, database_url=url, actor="tester", zone="UTC")


@contextmanager
def at_desk(databases: WorkDatabases, home: Path) -> Iterator[Desk]:
    """A desk in a git repository on the branch «fix/login»."""
    (home / ".git").mkdir()
    (home / ".git" / "HEAD").write_text("ref: refs/heads/fix/login\n", "utf-8")
    with chdir(home):
        yield Desk(_settings(home, None), databases)
    databases.drop()


async def two_days(services: WorkServices) -> None:
    """Yesterday, this morning, and two sessions that are open: one runs, one is paused."""
    work, clock = services.work, services.clock
    assert isinstance(clock, HeldClock)

    async def done(what: str, start: datetime, minutes: int, **about: object) -> WorkSession:
        clock.at = start + timedelta(minutes=minutes)
        session = await work.start(SessionDraft(what, start=start, **about))  # type: ignore[arg-type]
        return await work.stop(session.id)

    morning = NOW.replace(hour=8, minute=0)
    await done("plan the sprint", morning - timedelta(days=1), 45, category=SessionCategory.MEETING, client="Acme")
    await done(
        "token refresh", morning - timedelta(hours=22), 150, client="Acme", project="api", issue_number=41,
        branch="fix/token",
    )  # fmt: skip
    await done("answer tickets", morning, 80, category=SessionCategory.SUPPORT, client="Birch", project="shop")
    await done("[bold]read\x1b[31m logs[/]", morning + timedelta(hours=2), 30, category=SessionCategory.DEVOPS)
    clock.at = NOW - timedelta(minutes=84)
    login = await work.start(SessionDraft("fix login", client="Acme", project="api", issue_number=42))
    clock.at = NOW - timedelta(minutes=50)
    review = await work.start(SessionDraft("review #7", SessionCategory.REVIEW, client="Birch", pr_number=7))
    clock.at = NOW - timedelta(minutes=20)
    await work.note("the cookie has no path", login.id)
    await work.pause(review.id, reason="lunch")
    clock.at = NOW


async def billed(services: WorkServices) -> None:
    """As `two_days`, with rates, a budget that is nearly used, and a day of Acme that was billed."""
    await two_days(services)
    today = NOW.date()
    for name, rates, rounding, budget in (
        ("Acme", "95 EUR\n60 EUR meeting", "15 up session", "5 month"),
        ("Birch", "80 CHF", "6 up day", "120"),
    ):
        terms = changed_terms(Terms(), {"rates": rates, "rounding": rounding, "budget": budget}, today)
        await services.billing.set_terms(Entity.CLIENT, name, terms)
    await services.billing.mark(await services.billing.timesheet("Acme", today), billed=True)
    morning = NOW.replace(hour=11, minute=0)
    draft = SessionDraft("deploy the fix", SessionCategory.DEVOPS, "Acme", "api", tags=("ops",))
    await services.work.add(replace(draft, start=morning, end=morning + timedelta(minutes=50)))


async def one_running(services: WorkServices) -> None:
    """One session that began an hour ago."""
    await services.work.start(SessionDraft("fix login", client="Acme", start=NOW - timedelta(hours=1)))


FILLED = (two_days, billed, one_running)


def work_screen(pilot: Pilot[None]) -> WorkScreen:
    """The Work screen, also under a dialog."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, WorkScreen)
    return screen


def shown(pilot: Pilot[None]) -> str:
    """Everything on the screen as text."""
    lines = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)
