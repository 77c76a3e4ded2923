"""Rights to read and no more: everything is shown, nothing is offered, and a write is refused before it begins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.adapters.server.server_store import ServerVectorStore
from services.container import Services
from services.errors import AuthenticationFailed, MemoriaError, StoreReadOnly, StoreUnavailable
from services.model import MemoryDraft, MemoryType, Query, SessionDraft
from services.model.database import UpgradePlan
from services.settings import Settings
from tests.services.edge_here import services_here
from tests.services.servers import as_superuser, as_user, query, restore_upstream
from tests.services.stores import ident
from tests.services.test_qdrant_server import SECRET, FakeQdrant


async def never(plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
    raise AssertionError(f"asked about {plan}")


async def refused(services: Services, why: str) -> None:
    """Every kind of write says so in one line and leaves no trace."""
    writes = (
        lambda: services.memories.create(MemoryDraft("new")),
        lambda: services.graph.link_many([]),
        lambda: services.work.start(SessionDraft("work")),
        lambda: services.clients.create_client("Nobody"),
        lambda: services.database.upgrade(),
        lambda: services.memories.undo(),
    )
    for write in writes:
        with pytest.raises(MemoriaError) as caught:
            await write()
        assert "\n" not in str(caught.value)
        if write is not writes[-1]:
            assert isinstance(caught.value, StoreReadOnly)
            assert why in str(caught.value)
    assert (await services.search.search(Query("new", text="new"))).total == 0


def reader_of(url: str, *schemas: str) -> str:
    """URL for a role that may only read what is in these schemas now."""
    query(as_superuser(url), "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    for schema in schemas:
        query(url, f"GRANT USAGE ON SCHEMA {schema} TO reader")
        query(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    return as_user(url, "reader")


@pytest.mark.parametrize("schemas", [("public", "memoria_tui"), ("public",)])
async def test_a_role_that_may_only_select_reads_all_and_writes_nothing(
    schemas: tuple[str, ...], postgres_url: str, tmp_path: Path
) -> None:
    query(postgres_url, "INSERT INTO clients (name) VALUES ('Acme')")
    ends = "('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'fixes')"
    query(postgres_url, f"INSERT INTO memory_relations (source_id, target_id, relation_type) VALUES {ends}")
    settings = Settings(home=tmp_path, database_url=reader_of(postgres_url, *schemas))
    async with services_here(settings, ask=never) as services:
        _, postgres, _ = await services.health.status()
        assert postgres.ok
        assert "role reader" in postgres.read_only
        assert postgres.problems == (postgres.read_only,)
        await refused(services, "read-only for the role reader")
        assert [one.client.name for one in await services.clients.clients() if one.client] == ["Acme"]
        assert len((await services.graph.neighborhood(ident(1))).nodes) == 2
        if "memoria_tui" in schemas:
            assert await services.memories.history(ident(1)) == ()
        else:
            with pytest.raises(AuthenticationFailed, match="does not permit this"):
                await services.memories.history(ident(1))
        assert await services.memories.recover() == 0
        assert (await services.database.status()).read_only
    assert query(postgres_url, "SELECT count(*) FROM memoria_tui.audit_log") == [(0,)]


async def test_a_database_of_upstreams_offers_no_upgrade_to_who_may_not_make_it(empty_url: str, tmp_path: Path) -> None:
    restore_upstream(empty_url)
    settings = Settings(home=tmp_path, database_url=reader_of(empty_url, "public"))
    async with services_here(settings, ask=never) as services:
        await refused(services, "read-only for the role reader")
        assert len((await services.records.pulse(datetime.now(UTC))).sessions) == 3
    query(empty_url, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader")
    async with services_here(settings, ask=never) as services:
        await refused(services, "run `memoria-tui db upgrade` as memoria")
    assert query(empty_url, "SELECT to_regnamespace('memoria_tui')") == [(None,)]
    async with services_here(Settings(home=tmp_path, database_url=empty_url)) as services:
        await services.database.upgrade()
    assert query(settings.database_url or "", "SELECT count(*) > 0 FROM client_statistics") == [(True,)]


async def test_a_database_that_takes_no_writes_says_which_setting_it_is(postgres_url: str, tmp_path: Path) -> None:
    name = query(postgres_url, "SELECT current_database()")[0][0]
    query(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with services_here(Settings(home=tmp_path, database_url=postgres_url), ask=never) as services:
        await refused(services, "default_transaction_read_only is on")
        assert (await services.health.status())[1].ok


class ReadOnlyQdrant(FakeQdrant):
    """A server whose key may only read, as it says that itself."""

    writes: list[str]

    def answer(self, method: str, path: str, body: dict[str, object]) -> tuple[int, object]:
        ending = path.split("?")[0].rsplit("/", 1)[-1]
        if ending == "facet":
            return 200, {"hits": []}
        if method == "GET" or (method == "POST" and ending in ("count", "scroll", "points", "batch")):
            return super().answer(method, path, body)
        self.writes.append(path)
        return 403, {"status": {"error": "Forbidden: Global manage access is required"}}


@contextlib.contextmanager
def serving(server: FakeQdrant) -> Iterator[None]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.fixture
def qdrant() -> Iterator[ReadOnlyQdrant]:
    server = ReadOnlyQdrant()
    server.writes = []
    with serving(server):
        yield server


async def test_a_key_that_may_only_read_refuses_a_save_before_its_history_is_written(
    qdrant: ReadOnlyQdrant, postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path,
        database_url=postgres_url,
        qdrant_host="127.0.0.1",
        qdrant_port=qdrant.server_port,
        qdrant_api_key=SECRET,
    )
    async with services_here(settings, ask=never) as services:
        status, _, _ = await services.health.status()
        assert status.ok
        assert "read-only for this key" in status.read_only
        with pytest.raises(StoreReadOnly, match="QDRANT_API_KEY") as caught:
            await services.memories.create(MemoryDraft("new"))
        assert SECRET not in str(caught.value)
        assert query(postgres_url, "SELECT count(*) FROM memoria_tui.audit_log") == [(0,)]
        await services.clients.create_client("Somebody")
        assert {path.split("?")[0] for path in qdrant.writes} == {"/collections/aliases"}


async def test_a_qdrant_that_went_away_is_used_again_when_it_is_back() -> None:
    class Returned(FakeQdrant):
        """The same server on the port it had before."""

        def server_bind(self) -> None:
            self.server_address = ("127.0.0.1", port)
            super().server_bind()

    first = FakeQdrant()
    port = first.server_port
    store = ServerVectorStore("127.0.0.1", port, SECRET)
    with serving(first):
        assert await store.count(MemoryType.SEMANTIC) == 1
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}"):
        await store.count(MemoryType.SEMANTIC)
    with serving(Returned()):
        assert await store.count(MemoryType.SEMANTIC) == 1
    await store.close()
