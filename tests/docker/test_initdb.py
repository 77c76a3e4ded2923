"""What PostgreSQL's image makes of an empty volume, on the oldest and on the newest PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from services.adapters.database_upgrade import DatabaseService
from services.adapters.postgres.postgres_binaries import binaries
from services.migrations import sql_folder
from services.settings import Settings
from tests.docker.catalogue import Catalogue, catalogue
from tests.docker.stack import FIRST_START
from tests.services.servers import DEBIAN_15, create_database, drop_database, postgres_15, query

PUBLIC = {
    "clients": "id name metadata created_at updated_at",
    "projects": "id client_id name repo metadata created_at updated_at",
    "work_sessions": (
        "id description category client_id project_id issue_number pr_number branch start_time end_time pauses "
        "total_pause_minutes duration_minutes status notes memory_id created_at updated_at"
    ),
    "memory_relations": "id source_id target_id relation_type weight created_by metadata created_at",
    "rejected_suggestions": "id source_id target_id relation_type rejected_at",
    "user_settings": "key value updated_at",
}
VIEWS = {"monthly_work_summary", "daily_work_totals", "client_statistics"}
ENUMS = {
    "session_category": "coding review meeting support research documentation devops other",
    "session_status": "active paused completed",
    "relation_type": "causes fixes supports opposes follows supersedes derives part_of related",
    "relation_creator": "user auto system",
}
FUNCTIONS = {
    "get_neighbors(uuid,integer,relation_type[])",
    "find_path(uuid,uuid,integer)",
    "refresh_work_views()",
    "update_updated_at_column()",
}
OURS = {"memoria_tui.audit_log", "memoria_tui.embedding_schedule", "memoria_tui.alembic_version"}


@pytest.fixture(params=["15", "18"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """URL of a server of the oldest and of the newest version, and where its programs lie."""
    if request.param == "18":
        yield request.getfixturevalue("postgres_server"), binaries()
        return
    with postgres_15(tmp_path_factory.mktemp("postgres15")) as url:
        yield url, DEBIAN_15


def start_image(url: str, programs: Path, custom: Path) -> None:
    """Runs what is mounted as the image's entrypoint does."""
    where = conninfo_to_dict(url)
    environment = {
        "PATH": f"{programs}:{os.defpath}",
        "PGHOST": str(where["host"]),
        "PGPORT": str(where["port"]),
        "POSTGRES_USER": str(where["user"]),
        "POSTGRES_DB": str(where["dbname"]),
    }
    command = [FIRST_START, sql_folder(), custom]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_first_start_makes_the_schema_that_an_upgrade_makes(server: tuple[str, Path], tmp_path: Path) -> None:
    custom = tmp_path / "my files"
    custom.mkdir()
    (custom / "2.sql").write_text("INSERT INTO public.clients (name) SELECT name || '2' FROM public.clients;")
    (custom / "1.sql").write_text("INSERT INTO public.clients (name) VALUES ('acme');")
    (custom / "notes.txt").write_text("no SQL")
    started, upgraded = (made_on(server[0]) for _ in range(2))
    try:
        start_image(started, server[1], custom)
        service = DatabaseService.of(Settings(home=tmp_path, database_url=upgraded))
        assert await service.upgrade() != ""
        await service.close()
        ours, theirs = catalogue(started), catalogue(upgraded)
        for kind, objects in theirs.items():
            assert ours[kind] == objects, kind
        version = "SELECT version_num FROM memoria_tui.alembic_version"
        assert query(started, version) == query(upgraded, version)
        assert query(started, "SELECT name FROM public.clients ORDER BY 1") == [("acme",), ("acme2",)]

        service = DatabaseService.of(Settings(home=tmp_path, database_url=started))
        status = await service.status()
        assert (status.current, status.missing, status.problems) == (True, (), ())
        assert await service.upgrade() == ""
        await service.close()
        is_what_the_design_lists(ours)
        behaves_as_upstream_does(started)
    finally:
        for url in (started, upgraded):
            drop_database(server[0], str(conninfo_to_dict(url)["dbname"]))


def made_on(server: str) -> str:
    """URL of a new empty database."""
    return create_database(server, f"initdb_{uuid4().hex}")


def is_what_the_design_lists(made: Catalogue) -> None:
    """Names as memoria-contract.md and architecture.md spell them."""
    relations = made["relation"]
    assert {name for name, row in relations.items() if row[0] == "r" and "." not in name} == set(PUBLIC)
    assert {name for name, row in relations.items() if row[0] == "m"} == VIEWS
    assert set(relations) >= OURS
    for table, columns in PUBLIC.items():
        placed = sorted((row[0], name) for name, row in made["column"].items() if name.startswith(f"{table}."))
        named = [name.removeprefix(f"{table}.") for _, name in placed]
        assert [name for name in named if not name.startswith("memoria_tui_")] == columns.split()
    assert {name: row[-1] for name, row in made["enum"].items()} == ENUMS
    assert set(made["function"]) >= FUNCTIONS
    constraints = {(name.split(".")[0], row[1]) for name, row in made["constraint"].items()}
    assert constraints >= {
        ("clients", "UNIQUE (name)"),
        ("projects", "UNIQUE (client_id, name)"),
        ("projects", "FOREIGN KEY (client_id) REFERENCES clients(id) ON DELETE SET NULL"),
        ("work_sessions", "FOREIGN KEY (client_id) REFERENCES clients(id) ON DELETE SET NULL"),
        ("work_sessions", "FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE SET NULL"),
        ("memory_relations", "UNIQUE (source_id, target_id, relation_type)"),
        ("memory_relations", "CHECK ((source_id <> target_id))"),
        ("rejected_suggestions", "UNIQUE (source_id, target_id, relation_type)"),
        ("user_settings", "PRIMARY KEY (key)"),
    }
    types = {name: row[1] for name, row in made["column"].items()}
    assert types["work_sessions.notes"] == "text[]"
    assert types["work_sessions.pauses"] == types["user_settings.value"] == "jsonb"
    assert types["rejected_suggestions.relation_type"] == "text"
    assert made["extension"].keys() == {"plpgsql"}


def behaves_as_upstream_does(url: str) -> None:
    """What the contract says in words: generated durations, an append-only history, upstream's own table left alone."""
    start = datetime(2026, 11, 2, 9, tzinfo=UTC)
    for end, pauses, minutes in (
        (start + timedelta(minutes=90, seconds=29), 20, 70),
        (start - timedelta(hours=1), 0, 0),
        (start + timedelta(minutes=5), 9, 0),
        (None, 0, None),
    ):
        session = (
            "INSERT INTO work_sessions (description, start_time, end_time, total_pause_minutes) VALUES ('', %s, %s, %s)"
        )
        assert query(url, f"{session} RETURNING duration_minutes", start, end, pauses) == [(minutes,)]
    query(
        url,
        """INSERT INTO memoria_tui.audit_log (change_group, position, entity, entity_id, action, actor, program)
           VALUES ('group', 0, 'memory', gen_random_uuid(), 'created', 'tester', 'test')""",
    )
    for change in ("UPDATE memoria_tui.audit_log SET actor = ''", "DELETE FROM memoria_tui.audit_log"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            query(url, change)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        query(url, "TRUNCATE memoria_tui.audit_log CASCADE")
    assert query(url, "SELECT to_regclass('public._migrations')") == [(None,)]


def test_an_error_in_ones_own_file_stops_the_first_start(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text("SELECT 1/0;")
    (tmp_path / "2.sql").write_text("CREATE TABLE never ();")
    where = conninfo_to_dict(postgres_url)
    environment = {
        "PATH": f"{binaries()}:{os.defpath}",
        "PGHOST": str(where["host"]),
        "POSTGRES_USER": str(where["user"]),
        "POSTGRES_DB": str(where["dbname"]),
    }
    command = [FIRST_START, sql_folder(), tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "division by zero" in done.stderr
    assert query(postgres_url, "SELECT to_regclass('never')") == [(None,)]
