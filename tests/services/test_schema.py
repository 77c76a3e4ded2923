"""The schema on the oldest and the newest PostgreSQL, new and over a database of MCP Memoria's."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic.script import ScriptDirectory

from services.adapters.database_upgrade import DatabaseService
from services.adapters.postgres.database import CheckedDatabase, Database
from services.adapters.postgres.postgres_binaries import binaries
from services.adapters.postgres.schema import TABLES, upgrade
from services.errors import SchemaMissing, StoreTooNew
from services.migrations import HERE, NEWEST, sql_folder
from services.model import Entity, Kind
from services.settings import Settings
from tests.services.servers import (
    LEFT,
    create_database,
    drop_database,
    postgres_15,
    query,
    records_of,
    restore_upstream,
    run,
)


@pytest.fixture(scope="module", params=["15", "18"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of the oldest and of the newest version."""
    if request.param == "18":
        yield request.getfixturevalue("postgres_server")
        return
    with postgres_15(tmp_path_factory.mktemp("postgres15")) as url:
        yield url


@pytest.fixture(scope="module")
def used(server: str) -> deque[str]:
    """Databases there of tests that ended, oldest first."""
    return deque()


@pytest.fixture
def url(server: str, used: deque[str]) -> Iterator[str]:
    """URL of a new empty database there."""
    while len(used) > LEFT:
        drop_database(server, used.popleft())
    name = f"schema_{uuid4().hex}"
    yield create_database(server, name)
    used.append(name)


async def upgraded(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()


def catalogue(url: str) -> dict[str, set[tuple[object, ...]]]:
    """What schema public is made of, by kind."""
    return {
        "columns": set(
            query(
                url,
                """SELECT table_name, column_name, ordinal_position, data_type, udt_name, is_nullable, column_default,
                          generation_expression
                   FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_migrations'""",
            )
        ),
        "constraints": set(
            query(
                url,
                """SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
                   FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
                   AND conrelid::regclass::text <> '_migrations'""",
            )
        ),
        "indexes": set(
            query(
                url,
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '_migrations'",
            )
        ),
        "triggers": set(
            query(
                url,
                """SELECT tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
                   WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace""",
            )
        ),
        "enums": set(query(url, "SELECT enumtypid::regtype::text, enumsortorder, enumlabel FROM pg_enum")),
        "functions": set(
            query(
                url,
                """SELECT proname, pg_get_function_arguments(oid), pg_get_function_result(oid)
                   FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
            )
        ),
        "views": set(
            query(
                url,
                """SELECT attrelid::regclass::text, attnum, attname, atttypid::regtype::text
                   FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
                   WHERE c.relkind = 'm' AND relnamespace = 'public'::regnamespace AND attnum > 0""",
            )
        ),
    }


async def test_a_new_schema_is_upstreams_save_for_what_was_wrong(url: str, empty_url: str) -> None:
    restore_upstream(empty_url)
    await upgraded(url)
    theirs, ours = catalogue(empty_url), catalogue(url)
    for kind in ("constraints", "enums", "views"):
        assert ours[kind] == theirs[kind], kind
    assert theirs["columns"] <= ours["columns"]
    assert all(str(name).startswith("memoria_tui_") for _, name, *_ in ours["columns"] - theirs["columns"])
    assert names(theirs["indexes"]) <= names(ours["indexes"])
    assert all(name.startswith("idx_memoria_tui_") for name in names(ours["indexes"]) - names(theirs["indexes"]))
    assert names(theirs["indexes"] - ours["indexes"]) == {"idx_daily_totals_pk", "idx_monthly_summary_pk"}
    assert names(theirs["triggers"] - ours["triggers"]) == {"work_session_completed_refresh"}
    assert names(ours["triggers"] - theirs["triggers"]) == {"memoria_tui_live"}
    assert names(theirs["functions"] - ours["functions"]) == {
        "count_relations",
        "get_subgraph",
        "trigger_refresh_work_views",
    }


def names(rows: set[tuple[object, ...]]) -> set[str]:
    return {str(row[0]) for row in rows}


async def test_upgrading_again_or_running_the_scripts_again_changes_nothing(url: str) -> None:
    await upgraded(url)
    before = catalogue(url)
    await upgraded(url)
    for script in sorted(sql_folder().glob("*.sql")):
        run(None, binaries() / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", script)
    assert catalogue(url) == before
    assert query(url, "SELECT version_num FROM memoria_tui.alembic_version") == [(NEWEST,)]


async def test_programs_that_upgrade_at_once_all_succeed(url: str) -> None:
    await asyncio.gather(*(upgraded(url) for _ in range(4)))
    assert query(url, "SELECT version_num FROM memoria_tui.alembic_version") == [(NEWEST,)]


async def test_a_database_of_upstreams_is_read_as_it_is_and_written_after_an_upgrade(url: str, tmp_path: Path) -> None:
    restore_upstream(url)
    before = catalogue(url)
    records = records_of(Settings(home=tmp_path, database_url=url))
    sessions = [row async for batch in records.rows.sessions() for row in batch]
    assert len(sessions) == 160
    assert len((await records.pulse(datetime.now(UTC))).sessions) == 3
    assert sum(len(batch) for batch in [batch async for batch in records.relations.all()]) == 143
    assert await records.history.changes_of(Entity.MEMORY, str(uuid4())) == []
    assert await records.outbox.entries() == []
    status = await records.status()
    assert (status.ok, status.counts) == (True, {"relations": 143, "sessions": 160})
    assert any("db upgrade" in problem for problem in status.problems)
    with pytest.raises(SchemaMissing, match="db upgrade"):
        async with records.transaction():
            pass
    assert catalogue(url) == before

    service = DatabaseService(Database(url))
    shown = await service.upgrade(dry_run=True)
    assert "CREATE TABLE IF NOT EXISTS memoria_tui.audit_log" in shown
    assert catalogue(url) == before
    assert "table memoria_tui.audit_log" in (await service.status()).missing
    assert await service.upgrade() == shown
    assert (await service.status()).current
    async with records.transaction() as transaction:
        assert await transaction.relations.delete([]) == []
    after = catalogue(url)
    assert [kind for kind in after if after[kind] != before[kind]] == ["columns", "indexes", "triggers"]
    assert query(url, "SELECT count(*) FROM _migrations") == [(5,)]
    await records.close()
    await service.close()


async def test_a_database_of_the_first_revision_is_brought_to_the_newest(url: str) -> None:
    await upgraded(url)
    query(url, "DROP FUNCTION memoria_tui.tell_change() CASCADE")
    as_of_0002(url)
    query(url, "UPDATE memoria_tui.alembic_version SET version_num = '0001'")
    service = DatabaseService(Database(url))
    status = await service.status()
    assert (status.schema_version, status.current) == ("0001", False)
    named = (
        "memoria_tui_live",
        "columns kind",
        "purge_memories",
        "column since",
        "unfinished_restore",
        "reviews",
        "await_review",
        "memoria_tui_billed",
        "what is done again",
        "memoria_tui_paused",
        "memoria_tui_pause_edges",
        "memoria_tui.neighborhood",
    )
    assert [any(name in one for name in named) for one in status.missing] == [True] * len(named)
    shown = await service.upgrade(dry_run=True)
    assert "memoria_tui.tell_change" in shown
    assert "CREATE TABLE IF NOT EXISTS public." not in shown
    await service.upgrade()
    assert (await service.status()).current
    await service.close()


def as_of_0002(url: str) -> None:
    """Takes from a database what the revisions after 0002 add, as far as earlier programs would miss it."""
    query(url, "DROP TRIGGER audit_log_await_review ON memoria_tui.audit_log")
    query(url, "DROP TABLE memoria_tui.unfinished_restore, memoria_tui.reviews")
    query(url, "ALTER TABLE memoria_tui.audit_log DROP COLUMN kind, DROP COLUMN imported")
    query(
        url,
        "CREATE INDEX audit_log_by_actor ON memoria_tui.audit_log (actor, id) WHERE position = 0 AND undoes IS NULL",
    )
    query(url, "UPDATE memoria_tui.alembic_version SET version_num = '0002'")


async def test_a_history_without_kinds_is_read_as_it_is_and_gets_them_by_an_upgrade(url: str, tmp_path: Path) -> None:
    await upgraded(url)
    as_of_0002(url)
    for group, summary, undoes in (
        ("edit", "edited text", None),
        ("demo", "imported", None),
        ("demo", "edited text", None),
        ("backup", "restored from a backup", None),
        ("back", "took back: imported", "demo"),
    ):
        query(
            url,
            "INSERT INTO memoria_tui.audit_log (change_group, position, entity, entity_id, action, actor, program, "
            "undoes, summary) VALUES (%s, 0, 'memory', %s, 'created', 'user', 'memoria-tui', %s, %s)",
            *(group, UUID(int=7), undoes, summary),
        )
    records = records_of(Settings(home=tmp_path, database_url=url))
    before = await records.history.changes_of(Entity.MEMORY, str(UUID(int=7)))
    assert [(change.group, change.kind) for change in before] == [
        *(("back", Kind.UNDO), ("backup", Kind.EDIT), ("demo", Kind.EDIT), ("demo", Kind.EDIT), ("edit", Kind.EDIT))
    ]
    assert await records.groups.last_undoable("user") == "backup"
    earlier = CheckedDatabase(Database(url))
    for later in ("kind FROM memoria_tui.audit_log", "memoria_tui.later()"):
        with pytest.raises(SchemaMissing, match=r"lacks what this program needs .* does not exist.*: .*db upgrade"):
            await earlier.fetch(f"SELECT {later}")
    await earlier.close()
    await upgraded(url)
    for opened in (records, records_of(Settings(home=tmp_path, database_url=url))):
        after = await opened.history.changes_of(Entity.MEMORY, str(UUID(int=7)))
        assert await opened.groups.last_undoable("user") == "backup"
        assert await opened.groups.last_redoable("user") == "back"
        await opened.close()
    assert [(change.group, change.kind) for change in after] == [
        ("back", Kind.UNDO),
        ("backup", Kind.RESTORE),
        *(("demo", Kind.IMPORT),) * 2,
        ("edit", Kind.EDIT),
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        query(url, "UPDATE memoria_tui.audit_log SET kind = 'edit'")


async def test_what_tells_of_changes_hinders_nobody(url: str) -> None:
    restore_upstream(url)
    await upgraded(url)
    query(url, "TRUNCATE memory_relations")
    query(url, "ALTER TABLE work_sessions ADD COLUMN tag text, ALTER COLUMN branch TYPE varchar(300)")
    query(url, "ALTER TABLE clients RENAME COLUMN name TO title")
    query(url, "UPDATE clients SET title = title || '!'")
    query(url, "DELETE FROM clients WHERE title LIKE 'A%'")
    query(url, "SET search_path = ''; INSERT INTO public.user_settings (key, value) VALUES ('x', '1')")
    query(url, "DROP TABLE memory_relations, rejected_suggestions")
    query(url, "DROP SCHEMA memoria_tui CASCADE")
    query(url, "UPDATE work_sessions SET notes = notes || 'still written'::text")


async def test_work_views_count_each_minute_once_and_refresh_concurrently(url: str) -> None:
    restore_upstream(url)
    await upgraded(url)
    query(url, "SELECT refresh_all_statistics()")
    true_minutes = "SELECT sum(duration_minutes) FROM work_sessions WHERE status = 'completed'"
    assert query(url, "SELECT sum(total_minutes) FROM monthly_work_summary") == query(url, true_minutes) == [(15_769,)]
    assert query(url, "SELECT sum(total_minutes) FROM daily_work_totals") == query(url, true_minutes)
    assert query(url, "SELECT sum(total_minutes) FROM client_statistics") == query(
        url, f"{true_minutes} AND client_id IS NOT NULL"
    )


async def test_a_newer_schema_is_neither_read_nor_written(url: str, tmp_path: Path) -> None:
    await upgraded(url)
    query(url, "UPDATE memoria_tui.alembic_version SET version_num = '9999'")
    records = records_of(Settings(home=tmp_path, database_url=url))
    with pytest.raises(StoreTooNew, match="9999"):
        await records.pulse(datetime.now(UTC))
    with pytest.raises(StoreTooNew, match="9999"):
        async with records.transaction():
            pass
    service = DatabaseService(Database(url))
    with pytest.raises(StoreTooNew, match="9999"):
        await service.upgrade()
    status = await records.status()
    assert not status.ok
    await records.close()
    await service.close()


async def test_an_empty_database_is_set_up_by_the_first_write(url: str, tmp_path: Path) -> None:
    records = records_of(Settings(home=tmp_path, database_url=url))
    assert (await records.pulse(datetime.now(UTC))).sessions == ()
    assert query(url, "SELECT to_regclass('memoria_tui.audit_log')") == [(None,)]
    async with records.transaction() as transaction:
        await transaction.outbox.put({})
    assert (await records.status()).problems == ()
    await records.close()


def test_versions_scripts_and_lists_agree() -> None:
    versions = ScriptDirectory(str(HERE))
    assert versions.get_current_head() == NEWEST
    revisions = "".join(path.read_text("utf-8") for path in (HERE / "versions").glob("r*.py"))
    scripts = {path.name for path in sql_folder().glob("*.sql")}
    assert set(re.findall(r'"(\d+_\w+\.sql)"', revisions)) == scripts - {"099_version.sql"}
    assert f"'{NEWEST}'" in (sql_folder() / "099_version.sql").read_text("utf-8")
    text = "".join(path.read_text("utf-8") for path in sql_folder().glob("0[0-8]*.sql"))
    made = re.findall(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS ([\w.]+)", text)
    assert sorted(made) == sorted(TABLES)


@pytest.mark.parametrize("revision", sorted(path.stem for path in (HERE / "versions").glob("r*.py")))
def test_a_revision_tells_what_it_adds(revision: str) -> None:
    told = import_module(f"services.migrations.versions.{revision}")
    named = re.findall(r'"(\d+_\w+\.sql)"', Path(str(told.__file__)).read_text("utf-8"))
    script = "".join((sql_folder() / name).read_text("utf-8") for name in named)
    lines = " ".join((*getattr(told, "ADDS", ()), *getattr(told, "REPLACES", ())))
    columns = re.findall(r"ADD COLUMN IF NOT EXISTS (\w+)", script)
    assert [name for name in columns if not re.search(rf"\b{name}\b", lines)] == []
    assert lines or re.search("CREATE (TABLE|MATERIALIZED VIEW)", script), "nothing that an upgrade would name"


def relate(url: str, *edges: tuple[int, int]) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO memory_relations (source_id, target_id, relation_type) VALUES (%s, %s, 'causes') "
            "ON CONFLICT DO NOTHING",
            [(UUID(int=source), UUID(int=target)) for source, target in edges],
        )


async def test_neighbours_come_once_at_their_least_depth(url: str) -> None:
    await upgraded(url)
    relate(url, (1, 2), (3, 2), (3, 4), (1, 4), (4, 5), (5, 1), (6, 5))
    query(url, "UPDATE memory_relations SET relation_type = 'fixes' WHERE target_id = %s", UUID(int=4))
    rows = query(url, "SELECT memory_id, depth, path, relation::text FROM get_neighbors(%s, 2)", UUID(int=1))
    assert {row[0]: row[1] for row in rows} == {UUID(int=n): d for n, d in {2: 1, 4: 1, 5: 1, 3: 2, 6: 2}.items()}
    assert len(rows) == 5
    for memory, depth, path, _ in rows:
        assert isinstance(path, list)
        assert (path[0], path[-1], len(path)) == (UUID(int=1), memory, int(str(depth)) + 1)
    assert {row[0]: row[3] for row in rows if row[1] == 1} == {
        UUID(int=2): "causes",
        UUID(int=4): "fixes",
        UUID(int=5): "causes",
    }
    only = query(url, "SELECT memory_id FROM get_neighbors(%s, 10, ARRAY['fixes']::relation_type[])", UUID(int=1))
    assert {row[0] for row in only} == {UUID(int=4), UUID(int=3)}
    assert query(url, "SELECT * FROM get_neighbors(%s, 3)", uuid4()) == []


async def test_a_path_is_shortest_and_tells_each_step(url: str) -> None:
    await upgraded(url)
    relate(url, (1, 2), (3, 2), (3, 4), (4, 5), (1, 6), (6, 7), (7, 8), (8, 9), (9, 5))
    path = "SELECT step, memory_id, relation::text, direction FROM find_path(%s, %s, %s)"
    assert query(url, path, UUID(int=1), UUID(int=5), 4) == [
        (1, UUID(int=1), "causes", "out"),
        (2, UUID(int=2), "causes", "in"),
        (3, UUID(int=3), "causes", "out"),
        (4, UUID(int=4), "causes", "out"),
        (5, UUID(int=5), None, None),
    ]
    assert query(url, path, UUID(int=1), UUID(int=5), 3) == []
    assert query(url, path, UUID(int=1), UUID(int=1), 3) == [(1, UUID(int=1), None, None)]
    assert query(url, path, UUID(int=1), uuid4(), 10) == []


async def test_walks_over_a_dense_graph_end(url: str) -> None:
    await upgraded(url)
    relate(url, *((i, j) for i in range(1, 41) for j in range(i + 1, 41)))
    url += "&options=-c%20statement_timeout%3D2s"
    assert query(url, "SELECT count(*), max(depth) FROM get_neighbors(%s, 10)", UUID(int=1)) == [(39, 1)]
    assert query(url, "SELECT count(*) FROM find_path(%s, %s, 10)", UUID(int=1), UUID(int=40)) == [(2,)]


_AS_UPSTREAM_MIGRATES = """
CREATE TABLE IF NOT EXISTS _migrations
    (version int PRIMARY KEY, name text NOT NULL, applied_at timestamptz DEFAULT now());
DO $$ BEGIN
    CREATE TYPE relation_type AS ENUM ('causes', 'fixes');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE IF NOT EXISTS clients (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS rejected_suggestions (id uuid PRIMARY KEY, source_id uuid NOT NULL, target_id uuid NOT NULL);
CREATE INDEX IF NOT EXISTS idx_sessions_client ON work_sessions (client_id);
CREATE INDEX IF NOT EXISTS idx_rejected_suggestions_lookup ON rejected_suggestions (source_id, target_id);
CREATE OR REPLACE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
DROP TRIGGER IF EXISTS clients_updated_at ON clients;
CREATE TRIGGER clients_updated_at BEFORE UPDATE ON clients FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE OR REPLACE FUNCTION get_neighbors(
    p_memory_id uuid, p_depth integer DEFAULT 1, p_relation_types relation_type[] DEFAULT NULL
) RETURNS TABLE (memory_id uuid, depth integer, path uuid[], relation relation_type) LANGUAGE sql STABLE AS
    $$ SELECT target_id, 1, ARRAY[source_id, target_id], relation_type FROM memory_relations
       WHERE source_id = p_memory_id $$;
CREATE OR REPLACE FUNCTION find_path(p_from_id uuid, p_to_id uuid, p_max_depth integer DEFAULT 5)
RETURNS TABLE (step integer, memory_id uuid, relation relation_type, direction text) LANGUAGE sql STABLE AS
    $$ SELECT 1, p_from_id, NULL::relation_type, NULL::text $$;
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_matviews WHERE matviewname = 'monthly_work_summary') THEN
        CREATE MATERIALIZED VIEW monthly_work_summary AS SELECT 1;
    END IF;
END $$;
CREATE OR REPLACE FUNCTION refresh_work_views() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY monthly_work_summary;
    REFRESH MATERIALIZED VIEW CONCURRENTLY daily_work_totals;
END $$;
CREATE OR REPLACE FUNCTION refresh_all_statistics() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    PERFORM refresh_work_views();
    REFRESH MATERIALIZED VIEW CONCURRENTLY client_statistics;
END $$;
CREATE OR REPLACE FUNCTION trigger_refresh_work_views() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    REFRESH MATERIALIZED VIEW monthly_work_summary;
    REFRESH MATERIALIZED VIEW daily_work_totals;
    REFRESH MATERIALIZED VIEW client_statistics;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS work_session_completed_refresh ON work_sessions;
CREATE TRIGGER work_session_completed_refresh AFTER UPDATE ON work_sessions FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status IS DISTINCT FROM 'completed')
    EXECUTE FUNCTION trigger_refresh_work_views();
REFRESH MATERIALIZED VIEW monthly_work_summary;
REFRESH MATERIALIZED VIEW daily_work_totals;
REFRESH MATERIALIZED VIEW client_statistics;
INSERT INTO _migrations (version, name) SELECT n, 'again' FROM generate_series(1, 5) n ON CONFLICT DO NOTHING;
"""
"""What its migrations do, in short; both an empty list of those that ran and a full one lead here."""


async def test_upstreams_migrations_run_after_ours_and_both_programs_read_on(url: str, tmp_path: Path) -> None:
    await upgraded(url)
    relate(url, (1, 2), (3, 2), (3, 4), (1, 4))
    query(url, "INSERT INTO clients (name) VALUES ('Acme')")
    query(
        url,
        "INSERT INTO work_sessions (description, client_id, start_time) "
        "SELECT 'theirs', id, now() - interval '2 hours' FROM clients",
    )
    with psycopg.connect(url) as upstream:
        upstream.execute(_AS_UPSTREAM_MIGRATES)
    query(url, "UPDATE work_sessions SET status = 'completed', end_time = start_time + interval '90 minutes'")
    query(url, "SELECT refresh_all_statistics()")
    for view in ("monthly_work_summary", "daily_work_totals", "client_statistics"):
        assert query(url, f"SELECT total_minutes FROM {view}") == [(90,)]
    assert len(query(url, "SELECT * FROM get_neighbors(%s)", UUID(int=1))) == 2

    service = DatabaseService(Database(url))
    status = await service.status()
    assert (status.current, status.upstream, status.problems) == (True, True, ())
    assert await service.upgrade() == ""
    records = records_of(Settings(home=tmp_path, database_url=url))
    assert len(await records.graph.neighbours(str(UUID(int=1)), 3, (), 50)) == 3
    way = await records.graph.shortest_path(str(UUID(int=1)), str(UUID(int=3)), 5)
    assert [(step.id, step.outgoing) for step in way] in (
        [(str(UUID(int=n)), out) for n, out in ((1, True), (middle, False), (3, False))] for middle in (2, 4)
    )
    async with records.transaction() as transaction:
        assert await transaction.relations.delete([]) == []
    await records.close()
    await service.close()
