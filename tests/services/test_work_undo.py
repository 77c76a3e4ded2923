"""Work time beside the memories: one undo for both, a memory of what was done."""

from __future__ import annotations

from pathlib import Path

from services.container import open_services
from services.settings import Settings
from services.work.model import SessionDraft


async def test_one_undo_takes_back_memories_and_work_in_turn(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, actor="tester", zone="Europe/Rome")
    async with open_services(settings) as services:
        session = await services.work.start(SessionDraft("fix login", client="Acme", project="api"))
        stopped = await services.work.stop(remember=True)
        assert stopped.memory_id is not None
        assert (await services.memories.get(stopped.memory_id)).content.startswith("fix login")
        linked, kept, done = [await services.memories.undo() for _ in range(3)]
        assert (linked.entity_ids, kept.entity_ids, done.entity_ids) == (
            (session.id,),
            (stopped.memory_id,),
            (session.id,),
        )
        assert [running.id for running in (await services.work.status()).sessions] == [session.id]
        await services.memories.undo()
        assert (await services.work.status()).sessions == ()
        assert await services.clients.clients() == (), "made on the fly with the session, gone with it"
