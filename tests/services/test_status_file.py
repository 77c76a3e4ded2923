"""The file for prompts says what is open after every act, by whichever way, and is gone when nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.container import Services
from services.model import Entity, SessionDraft
from services.records.status_file import refresh_status_file, status_file
from services.settings import Settings, load_settings
from services.work.billing_values import Terms, read_budget
from tests.services.edge_here import services_here


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    settings = Settings(
        home=tmp_path / "home",
        database_url=postgres_url,
        zone="UTC",
        runtime_dir=tmp_path,
        default_home=tmp_path / "home",
    )
    async with services_here(settings) as services:
        yield services


async def test_it_follows_starts_pauses_stops_and_undos(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "memoria-tui" / "work"
    assert not file.exists()
    session = await services.work.start(SessionDraft("fix\x1b[31m the\tlogin", client="acme"))
    state, since, worked, *texts = file.read_text("utf-8").rstrip("\n").split("\t")
    assert (state, int(since) > 0, str(int(worked)), texts) == (
        "active",
        True,
        worked,
        ["acme", "-", "fix [31m the login"],
    )
    await services.work.pause(session.id)
    assert file.read_text("utf-8").startswith("paused\t0\t")
    await services.work.stop(session.id)
    assert not file.exists()
    await services.memories.undo()
    assert file.read_text("utf-8").startswith("paused\t0\t")


async def test_where_it_is_gone_whoever_asks_what_runs_writes_it_again(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "memoria-tui" / "work"
    session = await services.work.start(SessionDraft("tea"))
    file.unlink()
    await services.work.status()
    assert file.read_text("utf-8").startswith("active\t")
    left = file.read_bytes()
    await services.work.stop(session.id)
    file.write_bytes(left)
    await services.work.status()
    assert not file.exists()


async def test_it_says_of_which_budgets_little_is_left_while_work_for_them_is_open(
    services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "memoria-tui" / "work"
    begun = datetime.now(UTC) - timedelta(hours=2)
    session = await services.work.start(SessionDraft("fix the login", client="acme", start=begun))
    await services.billing.set_terms(Entity.CLIENT, "acme", Terms(budget=read_budget("1", begun.date())))
    other = await services.work.start(SessionDraft("tea"))
    assert "budget" not in file.read_text("utf-8"), "an act adds up nothing"
    status = await services.billing.watched(await services.work.status())
    line = file.read_text("utf-8").splitlines()[-1]
    assert line.split("\t") == ["budget", "0", "0", "acme", "-", status.warnings[-1].message]
    await services.work.stop(other.id)
    assert file.read_text("utf-8").splitlines()[-1] == line
    await services.work.start(SessionDraft("tea"))
    await services.work.stop(session.id)
    assert "budget" not in file.read_text("utf-8")


def test_another_home_has_a_file_of_its_own_and_none_is_written_without_a_folder(tmp_path: Path) -> None:
    usual = load_settings({"XDG_RUNTIME_DIR": str(tmp_path)})
    other = load_settings({"XDG_RUNTIME_DIR": str(tmp_path), "MEMORIA_HOME": str(tmp_path / "other")})
    assert status_file(usual) == tmp_path / "memoria-tui" / "work"
    assert (status_file(other) or tmp_path).name.startswith("work-other-")
    assert status_file(load_settings({})) is None


async def test_of_two_programs_at_once_none_writes_what_was_true_before(services: Services, tmp_path: Path) -> None:
    database = services.reports._records._database
    async with database.transaction() as other:
        await other.fetch("SELECT pg_advisory_xact_lock(hashtext('memoria_tui.status_file'))")
        refreshing = asyncio.create_task(refresh_status_file(database, services.settings))
        while not await other.fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            assert not refreshing.done()
        await other.fetch(
            "INSERT INTO public.work_sessions (description, start_time, status) VALUES ('of others', now(), 'active')"
        )
    await refreshing
    assert (tmp_path / "memoria-tui" / "work").read_text("utf-8").rstrip("\n").endswith("of others")
