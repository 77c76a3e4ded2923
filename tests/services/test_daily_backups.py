"""Backups that a home gets by itself: once a day when something changed, the newest kept, and told when one fails."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from memoria_tui.cli.terminal import Terminal
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.backup.backup_service import BackupService
from services.backup.daily_backups import DailyBackups
from services.container import Services, open_services
from services.errors import MemoriaError, StorageFull
from services.file_locks import held_lock
from services.migrations import NEWEST
from services.model import MemoryDraft
from services.settings import Settings
from tests.services.edge_here import edge_here, model_here, services_here
from tests.services.made_postgres import Made, MadePostgres
from tests.services.servers import query


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Home:
    """A store with the clock that it goes by."""

    services: Services
    clock: Clock
    embedded: Settings

    async def change(self) -> None:
        await self.services.memories.create(MemoryDraft("something new"))

    def backups(self, by: object = None) -> DailyBackups:
        service = cast("BackupService", by or self.services.backup)
        history = self.services.records.history
        return DailyBackups(service, history.newest_number, self.embedded, self.clock, history.began)


@pytest.fixture
async def home(tmp_path: Path, postgres_url: str) -> AsyncIterator[Home]:
    settings = Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC", backup_keep=2)
    clock, vectors = Clock(), edge_here(settings.vectors_dir)
    async with open_services(settings, vectors=vectors, embedder=model_here(), clock=clock) as services:
        yield Home(services, clock, replace(settings, database_url=None))


class FullDisk:
    async def backup(self, folder: Path, *, keep: int) -> None:
        raise StorageFull(f"{folder}: no space left for {keep}")


async def test_there_is_one_a_day_when_something_changed_and_so_many_are_kept(home: Home) -> None:
    assert await home.backups().make() is None, "there is nothing yet"
    for number in range(1, 4):
        await home.change()
        home.clock.wait(minutes=20)
        archive = await home.backups().make()
        assert archive is not None
        assert archive.counts["memories"] == number
        home.clock.wait(minutes=1)
        assert await home.backups().make() is None, "there is one of this day"
        home.clock.wait(days=1)
        assert await home.backups().make() is None, "nothing changed since"
    assert [path.name[8:18] for path in sorted(home.backups().folder.glob("*.tar"))] == ["2026-11-22", "2026-11-23"]


async def test_a_new_home_gets_its_first_one_an_hour_after_its_first_change(home: Home) -> None:
    await home.change()
    began = await home.services.records.history.began()
    assert began is not None
    home.clock.now = began + timedelta(minutes=59)
    assert await home.backups().make() is None, "of hardly anything"
    home.clock.wait(minutes=1)
    archive = await home.backups().make()
    assert archive is not None
    assert archive.counts["memories"] == 1


async def test_one_that_fails_is_told_and_not_tried_again_at_once(home: Home) -> None:
    await home.change()
    home.clock.wait(days=1)
    with pytest.raises(StorageFull):
        await home.backups(FullDisk()).make()
    assert "no space left for 2" in home.backups().problems()[0]
    assert not await home.backups().due()
    assert replace(home, embedded=replace(home.embedded, backup_keep=0)).backups().problems() == []
    os.utime(home.backups().folder / "problem", (0, 0))
    assert await home.backups().make() is not None
    assert home.backups().problems() == []


async def test_a_wrong_clock_stops_none_and_what_it_dated_is_told_until_that_day(home: Home) -> None:
    await home.change()
    home.clock.wait(days=400)
    ahead = await home.backups().make()
    home.clock.wait(days=-399)
    assert ahead is not None
    for _ in range(3):
        await home.change()
        assert await home.backups().make() is not None
        home.clock.wait(days=1)
    kept = [archive.path for archive in await home.services.backup.archives(home.backups().folder)]
    assert kept[0] == ahead.path
    assert [path.name[8:18] for path in kept[1:]] == ["2026-11-23", "2026-11-22"], "it does not count"
    (told,) = home.backups().problems()
    assert f"1 daily backup is dated in the future, as {ahead.path}" in told
    home.clock.wait(days=400)
    assert home.backups().problems() == []


async def test_a_file_named_after_no_day_is_no_backup(home: Home) -> None:
    await home.change()
    home.clock.wait(days=1)
    home.backups().folder.mkdir(parents=True)
    (home.backups().folder / "memoria-2026-13-45T000000Z.tar").touch()
    assert await home.backups().make() is not None


async def test_two_programs_make_one(home: Home) -> None:
    await home.change()
    home.clock.wait(days=1)
    home.backups().folder.mkdir(parents=True)
    with held_lock(home.backups().folder / "lock"):
        assert await home.backups().make() is None
    assert await home.backups().make() is not None


async def test_servers_have_backups_of_their_own(home: Home) -> None:
    await home.change()
    home.clock.wait(days=1)
    assert await home.services.daily_backups.make() is None


def test_the_demo_store_is_not_backed_up(tmp_path: Path) -> None:
    terminal = Terminal({"MEMORIA_HOME": str(tmp_path)}, io.BytesIO(), io.StringIO(), io.StringIO())
    assert terminal.settings.backup_keep == 7
    assert terminal.with_variables({"MEMORIA_DEMO": "1"}).settings.backup_keep == 0


async def test_nor_by_a_command_that_is_tried_on_it(home: Home) -> None:
    await home.change()
    home.clock.wait(days=1)
    assert await home.backups().due()
    home.embedded.demo_mark.touch()
    assert not await home.backups().due()


def older(url: str) -> None:
    """Makes the schema one of an earlier version."""
    query(url, "DROP TABLE memoria_tui.access_tokens")
    query(url, "UPDATE memoria_tui.alembic_version SET version_num = '0006'")


async def test_a_home_is_backed_up_before_its_schema_is_upgraded(tmp_path: Path, made_postgres: MadePostgres) -> None:
    settings = Settings(home=tmp_path / "home", zone="UTC", backup_keep=2, linger=60)
    made_postgres.put(Made.BARE, settings.postgres_dir)
    server = EmbeddedPostgres(settings.postgres_dir)
    try:
        async with services_here(settings) as services:
            await services.memories.create(MemoryDraft("something new"))
        assert not settings.daily_backups_dir.exists(), "a new home has nothing to keep"
        for keep in (0, 2, 2):
            settings = replace(settings, backup_keep=keep)
            older(url := await server.start())
            async with services_here(settings) as first, services_here(settings, vectors=first.vectors) as second:
                await asyncio.gather(*(one.records.history.newest_number() for one in (first, second, first)))
                assert query(url, "SELECT version_num FROM memoria_tui.alembic_version") == [(NEWEST,)]
                archives = await first.backup.archives(settings.daily_backups_dir)
                assert [archive.counts["memories"] for archive in archives] == [1] * bool(keep)
                for archive in archives:
                    assert (await first.restoring.restore(await first.restoring.compare(archive.path))).unchanged
    finally:
        await server.erase(60)


async def test_what_cannot_be_backed_up_is_not_upgraded_nor_tried_again_until_the_next_start(
    tmp_path: Path, made_postgres: MadePostgres
) -> None:
    settings = Settings(home=tmp_path / "home", zone="UTC", backup_keep=2, linger=60)
    made_postgres.put(Made.HOME, settings.postgres_dir)
    server = EmbeddedPostgres(settings.postgres_dir)
    try:
        async with services_here(settings) as services:
            await services.memories.create(MemoryDraft("something new"))
        older(url := await server.start())
        settings.daily_backups_dir.parent.mkdir()
        settings.daily_backups_dir.write_text("a file")
        async with services_here(settings) as services:
            for _ in range(2):
                with pytest.raises(MemoriaError, match=r"nothing was upgraded.*next start, MEMORIA_BACKUP_KEEP=0"):
                    await services.records.history.newest_number()
                settings.daily_backups_dir.unlink(missing_ok=True)
        assert query(url, "SELECT version_num FROM memoria_tui.alembic_version") == [("0006",)]
        async with services_here(settings) as services:
            await services.records.history.newest_number()
        assert query(url, "SELECT version_num FROM memoria_tui.alembic_version") == [(NEWEST,)]
    finally:
        await server.erase(60)
