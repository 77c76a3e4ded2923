"""The timer, against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.adapters.postgres import Database
from services.adapters.work import PostgresWork
from services.settings import Settings
from services.work import WorkService
from services.worktime import SessionDraft

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class HeldClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def go(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    yield database
    await database.close()


@pytest.fixture
def work(database: Database, clock: HeldClock, tmp_path: Path) -> WorkService:
    settings = Settings(home=tmp_path, actor="tester", zone="Europe/Rome")
    return WorkService(PostgresWork(database, settings, clock), settings, clock)


async def test_elapsed_time_stands_still_while_paused(work: WorkService, clock: HeldClock) -> None:
    await work.start(SessionDraft("write the report"))
    clock.go(minutes=30)
    await work.pause(reason="lunch")
    clock.go(hours=2)
    (paused,) = (await work.status()).sessions
    assert paused.elapsed_seconds(clock()) == 1800
    await work.resume()
    clock.go(seconds=59)
    stopped = await work.stop(note="done")
    assert stopped.elapsed_seconds(clock()) == 1859
    assert stopped.pauses[0].reason == "lunch"
    assert stopped.notes == ("done",)
