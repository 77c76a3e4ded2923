"""Clients and projects: totals stay right whatever is renamed, merged, moved or undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.adapters.postgres.database import CheckedDatabase, Database
from services.errors import Ambiguous, Billed, Conflict, InvalidInput, NotFound
from services.model import Entity, SessionDraft
from services.records.clients_and_projects import client_id, project_id
from services.records.unit_of_work import unit_of_work
from services.settings import Settings
from services.work.name_rules import cleaned_name
from tests.services.servers import query
from tests.services.worktables import Bench, bench

Totals = dict[str | None, tuple[int, int]]


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """Acme: web 60, api 30 minutes. Beta: web 15. Without a client: own 10, nothing 5."""
    async with bench(postgres_url, tmp_path) as opened:
        for client, project, minutes in (
            ("Acme", "web", 60),
            ("Acme", "api", 30),
            ("Beta", "web", 15),
            ("", "own", 10),
            ("", "", 5),
        ):
            session = await opened.work.start(SessionDraft("work", client=client, project=project))
            opened.clock.go(minutes=minutes)
            await opened.work.stop(session.id)
        yield opened


async def totals(here: Bench) -> tuple[Totals, Totals]:
    """Minutes and sessions by client, and by project with its client."""
    clients = {
        one.client.name if one.client else None: (one.minutes, one.sessions) for one in await here.clients.clients()
    }
    projects = {
        f"{one.project.client} / {one.project.name}" if one.project else None: (one.minutes, one.sessions)
        for one in await here.clients.projects()
    }
    return clients, projects


async def test_totals_are_not_multiplied_by_projects(here: Bench) -> None:
    clients, projects = await totals(here)
    assert clients == {"Acme": (90, 2), "Beta": (15, 1), None: (15, 2)}
    assert projects == {
        "Acme / api": (30, 1),
        "None / own": (10, 1),
        "Acme / web": (60, 1),
        "Beta / web": (15, 1),
        None: (5, 1),
    }


async def test_merged_clients_are_one_and_can_be_two_again(here: Bench) -> None:
    before = await totals(here)
    assert await here.clients.merge(Entity.CLIENT, "Acme", "Beta") == 2
    clients, projects = await totals(here)
    assert clients == {"Beta": (105, 3), None: (15, 2)}
    assert projects == {"Beta / api": (30, 1), "None / own": (10, 1), "Beta / web": (75, 2), None: (5, 1)}
    await here.take_back()
    assert await totals(here) == before


async def test_a_client_with_billed_sessions_is_merged_only_when_that_is_known(here: Bench) -> None:
    await here.sql("UPDATE work_sessions SET memoria_tui_billed = '{2026-11}' WHERE client_id IS NOT NULL RETURNING id")
    with pytest.raises(Billed, match="2 sessions of it were billed"):
        await here.clients.merge(Entity.CLIENT, "Acme", "Beta")
    assert await here.clients.merge(Entity.CLIENT, "Acme", "Beta", billed_too=True) == 2


async def test_a_project_with_billed_sessions_is_moved_only_when_that_is_known(here: Bench) -> None:
    await here.work.start(SessionDraft("work", client="Initech", project="fax"))
    here.clock.go(hours=1)
    await here.work.stop()
    await here.clients.create_client("Globex")
    await here.sql("UPDATE work_sessions SET memoria_tui_billed = '{2026-11}' RETURNING id")
    with pytest.raises(Billed, match="1 session of it were billed"):
        await here.clients.move_project("fax", "Globex")
    assert await here.clients.move_project("fax", "Globex", billed_too=True) == 1


async def test_merged_projects_take_the_client_along(here: Bench) -> None:
    before = await totals(here)
    await here.clients.merge(Entity.PROJECT, "Acme / web", "own")
    clients, projects = await totals(here)
    assert clients == {"Acme": (30, 1), "Beta": (15, 1), None: (75, 3)}
    assert projects["None / own"] == (70, 2)
    await here.take_back()
    assert await totals(here) == before


async def test_a_moved_project_takes_its_sessions_along(here: Bench) -> None:
    before = await totals(here)
    assert await here.clients.move_project("api", "Beta") == 1
    assert (await totals(here))[0] == {"Acme": (60, 1), "Beta": (45, 2), None: (15, 2)}
    await here.take_back()
    assert await totals(here) == before
    with pytest.raises(Conflict):
        await here.clients.move_project("Acme / web", "Beta")


async def test_sessions_pointed_elsewhere_since_a_merge_stay_there(here: Bench) -> None:
    await here.clients.merge(Entity.PROJECT, "api", "Acme / web")
    await here.sql("UPDATE work_sessions SET project_id = NULL WHERE duration_minutes = 30 RETURNING id")
    await here.take_back()
    assert (await totals(here))[1]["Acme / api"] == (0, 0)


async def test_names_are_unique(here: Bench) -> None:
    await here.clients.rename(Entity.CLIENT, "Acme", "Acme Corp")
    await here.clients.rename(Entity.PROJECT, "api", "service")
    assert (await here.clients.client("Acme Corp")).name == "Acme Corp"
    with pytest.raises(Conflict):
        await here.clients.rename(Entity.CLIENT, "Acme Corp", "Beta")
    with pytest.raises(Conflict):
        await here.clients.create_client("Beta")
    with pytest.raises(Conflict):
        await here.clients.rename(Entity.PROJECT, "service", "web")
    with pytest.raises(Conflict):
        await here.clients.create_project("own")
    with pytest.raises(InvalidInput):
        await here.clients.create_client(" ")
    with pytest.raises(Ambiguous):
        await here.clients.project("web")
    with pytest.raises(NotFound):
        await here.clients.client("Acme")
    await here.take_back()
    assert (await here.clients.project("api")).name == "api"


async def test_names_that_differ_only_in_case_are_one(here: Bench) -> None:
    for act, existing in (
        (here.clients.create_client("ACME"), '"Acme"'),
        (here.clients.rename(Entity.CLIENT, "Beta", "aCME"), '"Acme"'),
        (here.clients.create_project("API", "acme"), '"api"'),
        (here.clients.create_project("Own"), '"own"'),
        (here.clients.rename(Entity.PROJECT, "api", "WEB"), '"web"'),
    ):
        with pytest.raises(Conflict, match=existing):
            await act
    await here.clients.rename(Entity.CLIENT, "acme", "ACME")
    await here.clients.rename(Entity.PROJECT, "acme / api", "API")
    clients, projects = await totals(here)
    assert clients["ACME"] == (90, 2)
    assert projects["ACME / API"] == (30, 1)


async def test_projects_that_differ_only_in_case_become_one_with_their_clients(here: Bench) -> None:
    await here.clients.rename(Entity.PROJECT, "Beta / web", "WEB")
    with pytest.raises(Conflict, match='"WEB"'):
        await here.clients.move_project("Acme / web", "Beta")
    await here.clients.merge(Entity.CLIENT, "acme", "beta")
    assert (await totals(here))[1]["Beta / WEB"] == (75, 2)


async def test_a_store_with_both_spellings_goes_on_working(here: Bench) -> None:
    await here.sql("INSERT INTO clients (name) VALUES ('ACME') RETURNING id")
    assert set((await totals(here))[0]) == {"Acme", "ACME", "Beta", None}
    for name in ("ACME", "Acme"):
        session = await here.work.start(SessionDraft("work", client=name))
        assert session.client == name
        await here.work.stop(session.id)
        assert (await here.clients.client(name)).name == name
    with pytest.raises(Conflict, match="merge the two"):
        await here.clients.rename(Entity.CLIENT, "ACME", "Acme")
    await here.clients.merge(Entity.CLIENT, "ACME", "Acme")
    assert set((await totals(here))[0]) == {"Acme", "Beta", None}


async def test_only_what_is_unused_can_be_deleted(here: Bench) -> None:
    with pytest.raises(Conflict):
        await here.clients.delete(Entity.CLIENT, "Acme")
    with pytest.raises(Conflict):
        await here.clients.delete(Entity.PROJECT, "own")
    made = await here.clients.create_project("empty", "Beta", "beta/empty")
    assert (made.client, made.repo) == ("Beta", "beta/empty")
    await here.clients.delete(Entity.PROJECT, "empty")
    with pytest.raises(NotFound):
        await here.clients.project("empty")
    await here.take_back()
    assert await here.clients.project("empty") == made


@pytest.mark.parametrize(
    "name", ["ac\u200bme", "ac\nme", "\x1b[31mred", "a\u202eb", "a\u2028b", "\u3164", "\u200d", "a\u200db"]
)
async def test_a_name_takes_nothing_that_nobody_sees(here: Bench, name: str) -> None:
    before = await here.clients.clients()
    for act in (
        here.clients.create_client(name),
        here.clients.create_project(name),
        here.work.start(SessionDraft("x", client=name)),
        here.work.start(SessionDraft("x", project=name)),
    ):
        with pytest.raises(InvalidInput, match=r"invisible characters; it has U\+"):
            await act
    assert await here.clients.clients() == before


async def test_names_of_every_script_are_taken_and_odd_ones_that_are_there_go_on_working(here: Bench) -> None:
    assert [cleaned_name(one) for one in ("👩\u200d💻 team", "a\u200b\nb")] == ["👩\u200d💻 team", "a b"]
    for name in ("Müller & Söhne", "株式会社", "👩\u200d💻 team", "می\u200cخواهم", "acme / api"):
        assert (await here.clients.create_client(name)).name == name
    await here.sql("INSERT INTO clients (name) VALUES ('a' || chr(8203) || 'b')")
    assert (await here.work.start(SessionDraft("x", client="a\u200bb"))).client == "a\u200bb"
    assert "a\u200bb" in {one.client.name for one in await here.clients.clients() if one.client}


async def test_of_names_that_differ_in_case_only_one_is_made_at_once(
    here: Bench, postgres_url: str, tmp_path: Path
) -> None:
    async def other() -> None:
        with pytest.raises(Conflict, match="upper and lower case are one"):
            await here.records.clients.create_client("NEW")
        await here.work.start(SessionDraft("work", client="new", project="NEW"))

    database = CheckedDatabase(Database(postgres_url))
    async with unit_of_work(database, Settings(tmp_path)) as unit:
        await project_id(unit, await client_id(unit, "New"), "New")
        others = asyncio.create_task(other())
        waits = """SELECT 1 FROM pg_locks JOIN pg_database here ON here.oid = database
            WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"""
        while not others.done() and not query(postgres_url, waits):  # noqa: ASYNC110 - told by nobody
            await asyncio.sleep(0.02)
    await others
    await database.close()
    clients, projects = await totals(here)
    assert [name for name in clients if name and name.lower() == "new"] == ["New"]
    assert [name for name in projects if name and name.lower().endswith("new")] == ["New / New"]
