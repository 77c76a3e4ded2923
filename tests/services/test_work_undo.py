"""Work time beside the memories: a stop that keeps a memory is one act, and one undo undoes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from services.container import Services
from services.errors import Conflict, InvalidInput, MemoriaError, StoreUnavailable
from services.model import Memory, Query, SessionDraft, SessionStatus
from services.settings import Settings
from tests.services.edge_here import services_here
from tests.services.servers import query
from tests.services.worktables import NOON, Bench, bench


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database_url=postgres_url, actor="tester", zone="Europe/Rome")
    async with services_here(settings) as opened:
        yield opened


@pytest.fixture
async def here(tmp_path: Path, postgres_url: str) -> AsyncIterator[Bench]:
    async with bench(postgres_url, tmp_path) as opened:
        yield opened


async def test_one_undo_undoes_the_stop_and_its_memory(services: Services, postgres_url: str) -> None:
    session = await services.work.start(SessionDraft("fix login", client="Acme", project="api"))
    stopped = await services.work.stop(remember=True, note="done")
    assert stopped.memory_id is not None
    content = (await services.memories.get(stopped.memory_id)).content
    assert content.startswith("fix login")
    assert "- done" in content
    with psycopg.connect(postgres_url) as database:
        groups = database.execute("SELECT count(DISTINCT change_group) FROM memoria_tui.audit_log").fetchone()
    assert groups == (2,), "the start, and the stop with its memory"
    undone = await services.memories.undo()
    assert set(undone.entity_ids) == {stopped.memory_id, session.id}
    (running,) = (await services.work.status()).sessions
    assert (running.id, running.status, running.memory_id) == (session.id, SessionStatus.ACTIVE, None)
    assert stopped.memory_id not in [hit.id for hit in await _memories(services)]
    await services.memories.undo()
    assert (await services.work.status()).sessions == ()
    assert await services.clients.clients() == (), "made on the fly with the session, gone with it"


async def test_the_history_holds_the_row_that_an_undo_leaves(services: Services, postgres_url: str) -> None:
    await services.work.start(SessionDraft("fix login"))
    await services.work.stop(remember=False)
    await services.memories.undo()
    said = "SELECT after::jsonb FROM memoria_tui.audit_log ORDER BY id DESC LIMIT 1"
    assert query(postgres_url, said) == query(postgres_url, "SELECT to_jsonb(s) FROM work_sessions s")


async def test_a_memory_is_kept_once_whoever_asks_at_the_same_time(services: Services) -> None:
    await services.work.start(SessionDraft("fix login"))
    stopped = await services.work.stop(remember=False)
    kept = await asyncio.gather(*(services.work.remember(stopped.id) for _ in range(4)))
    assert len({one.memory_id for one in kept}) == 1
    assert len(await _memories(services)) == 1


@pytest.mark.parametrize("failure", [StoreUnavailable("Qdrant is away"), InvalidInput("the text has a password")])
async def test_nothing_is_stopped_when_its_memory_cannot_be_kept_unless_that_is_wanted(
    here: Bench, failure: MemoriaError
) -> None:
    here.memories.failure = failure
    session = await here.work.start(SessionDraft("fix login", start=NOON))
    here.clock.go(hours=1)
    with pytest.raises(type(failure)):
        await here.work.stop(remember=True)
    assert (await here.work.session(session.id)).status is SessionStatus.ACTIVE
    told: list[object] = []
    stopped = await here.work.stop(remember=True, unremembered=told.append)
    assert (stopped.status, stopped.memory_id, len(told)) == (SessionStatus.COMPLETED, None, 1)


async def test_a_memory_tells_of_the_session_as_it_was_stopped(here: Bench) -> None:
    """A note that another program makes between the look and the commit is in the memory."""
    session = await here.work.start(SessionDraft("fix login"))
    looked = here.records.sessions.one
    meddled = False

    async def meddle(session_id: str) -> object:
        nonlocal meddled
        seen = await looked(session_id)
        if not meddled:
            meddled = True
            await here.sql("UPDATE work_sessions SET notes = array_append(notes, 'theirs')")
        return seen

    here.records.sessions.one = meddle  # type: ignore[assignment,method-assign]
    await here.work.stop(session.id, note="mine", remember=True)
    (draft,) = here.memories.drafts
    assert draft.content.endswith("- theirs\n- mine")


async def test_a_session_that_others_stopped_keeps_no_memory(here: Bench) -> None:
    session = await here.work.start(SessionDraft("fix login"))
    await here.work.stop(session.id)
    with pytest.raises(Conflict):
        await here.work.stop(session.id, remember=True)
    assert here.memories.drafts == []


async def _memories(services: Services) -> list[Memory]:

    return [hit.memory for hit in (await services.search.search(Query())).hits]
