"""The role of the program in the embedded server: it owns the database, and reaches nothing beside it."""

from __future__ import annotations

from pathlib import Path

import psutil
import psycopg
import pytest

from services.adapters.postgres import roles
from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import schema_state, upgrade
from tests.services.made_postgres import Made, MadePostgres
from tests.services.servers import as_superuser, query

FORBIDDEN = (
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY clients FROM PROGRAM 'cat /dev/null'",
    "COPY (SELECT 1) TO '/tmp/memoria-never'",
    "COPY clients FROM '/dev/null'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/hostname')",
    "ALTER SYSTEM SET work_mem = '1MB'",
    "CREATE ROLE another SUPERUSER",
    "ALTER ROLE memoria_program SUPERUSER",
    "CREATE DATABASE another",
    "SET ROLE memoria",
    "SET SESSION AUTHORIZATION memoria",
    "CREATE FUNCTION run(text) RETURNS integer LANGUAGE c AS 'libc.so.6', 'system'",
    "CREATE EXTENSION dblink",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_no_statement_reaches_files_programs_or_the_server(postgres_url: str, statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
        query(postgres_url, statement)


def test_the_role_has_no_rights_but_on_its_database(postgres_url: str) -> None:
    ((rights,),) = query(
        postgres_url,
        "SELECT ARRAY[rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls] "
        "FROM pg_roles WHERE rolname = current_user",
    )
    assert rights == [False] * 5
    assert query(postgres_url, "SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole") == [(0,)]


async def test_what_earlier_versions_made_as_the_superuser_becomes_the_roles(
    tmp_path: Path, made_postgres: MadePostgres
) -> None:
    made_postgres.put(Made.BARE, tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = await server.start()
    before = as_superuser(url)
    query(before, f"ALTER DATABASE postgres OWNER TO {roles.OWNER}")
    await upgraded(before)
    query(before, "CREATE SEQUENCE apart; CREATE TYPE memoria_tui.mood AS ENUM ('well'); CREATE DOMAIN word AS text")
    query(before, f"DROP ROLE {roles.PROGRAM}")
    process = psutil.Process(int((tmp_path / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
    process.kill()
    process.wait(20)

    url = await server.start()

    assert query(url, "SELECT current_user::text") == [(roles.PROGRAM,)]
    database = Database(url)
    assert (await schema_state(database)).owners == ()
    await database.close()
    query(url, "INSERT INTO clients (name) VALUES ('Acme')")
    query(url, "ALTER TABLE memoria_tui.audit_log ADD COLUMN trial integer")
    query(url, "DROP SEQUENCE apart; DROP TYPE memoria_tui.mood; DROP DOMAIN word; DROP FUNCTION refresh_work_views()")
    await server.erase()


async def upgraded(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()
