"""A store that refuses to be written leaves nothing behind in the other one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.container import open_services
from services.errors import StorageFull, StoreReadOnly
from services.model import MemoryDraft
from services.settings import Settings
from tests.qdrant_server import lacks_keys, running_qdrant
from tests.services.edge_here import services_here
from tests.services.memory_world import DIMENSIONS, WatchedEmbedder
from tests.services.servers import query


@pytest.mark.skipif(lacks_keys(), reason="needs the keys of the server in MEMORIA_TEST_QDRANT")
async def test_a_key_that_may_only_read_leaves_no_change_and_nothing_pending(postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(json.dumps({"content": f"text {number}"}) + "\n" for number in range(3)))
    with running_qdrant("all", "reading") as qdrant:
        whole = qdrant.store()
        await whole.ensure(DIMENSIONS, "watched")
        await whole.close()
        settings = Settings(
            home=tmp_path, database_url=postgres_url, qdrant_host=qdrant.url, qdrant_api_key=qdrant.reading_key
        )
        async with open_services(settings, embedder=WatchedEmbedder()) as services:
            with pytest.raises(StoreReadOnly):
                await services.memories.create(MemoryDraft("one"))
            with pytest.raises(StoreReadOnly):
                await services.importing.import_files([file])
    assert query(postgres_url, "SELECT count(*) FROM memoria_tui.audit_log") == [(0,)]
    assert query(postgres_url, "SELECT count(*) FROM memoria_tui.embedding_schedule") == [(0,)]


async def test_an_import_that_postgresql_breaks_off_leaves_nothing(postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(json.dumps({"content": f"text {number}"}) + "\n" for number in range(250)))
    query(
        postgres_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF (SELECT count(*) FROM memoria_tui.embedding_schedule) > 200 THEN "
        "RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END IF; "
        "RETURN NULL; END $$",
    )
    query(
        postgres_url,
        "CREATE TRIGGER refuse AFTER INSERT ON memoria_tui.embedding_schedule EXECUTE FUNCTION refuse()",
    )
    async with services_here(
        Settings(home=tmp_path, database_url=postgres_url), embedder=WatchedEmbedder()
    ) as services:
        with pytest.raises(StorageFull):
            await services.importing.import_files([file])
        assert query(postgres_url, "SELECT count(*) FROM memoria_tui.audit_log") == [(0,)]
        assert query(postgres_url, "SELECT count(*) FROM memoria_tui.embedding_schedule") == [(0,)]
        query(postgres_url, "DROP TRIGGER refuse ON memoria_tui.embedding_schedule")
        assert (await services.importing.import_files([file])).memories == 250
        assert query(postgres_url, "SELECT count(DISTINCT xmin::text) FROM memoria_tui.audit_log") == [(1,)]
        assert await services.memories.pending_count() == 0
        await services.memories.undo()
        assert query(postgres_url, "SELECT count(DISTINCT xmin::text) FROM memoria_tui.audit_log") == [(2,)]
        assert sum([info.points for info in (await services.vectors.info()).values()]) == 0
