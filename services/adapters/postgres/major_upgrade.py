"""Brings what one server holds into another, empty one of a later version, and compares: all tables, all rows."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from services.adapters.postgres import roles
from services.adapters.postgres.postgres_binaries import ENVIRONMENT, binaries

if TYPE_CHECKING:
    from psycopg import Connection

_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
_SECONDS_TO_WRITE = 30
"""For what is being written when a move begins."""

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
"""Ends who waits to write: the end of the server gives the tables free a moment before it ends them."""


def unwritten(database: str, place: Path) -> Connection:
    """Keeps programs of an earlier version from writing what would be left behind, until it is closed.

    Raises ValueError with the reason in one line.
    """
    import psycopg
    from psycopg import sql

    try:
        connection = psycopg.connect(host=str(place), port=5432, user=roles.OWNER, dbname=database)
        tables = [sql.SQL(name) for (name,) in connection.execute(_TABLES)]
        connection.execute(f"SET lock_timeout = '{_SECONDS_TO_WRITE}s'".encode())
        if tables:
            connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)))
    except psycopg.Error as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return connection


def bring(database: str, there: Path, here: Path) -> int:
    """Gives how many rows were brought; `there` and `here` are the folders of the servers' sockets.

    Raises ValueError with the reason in one line.
    """
    dump = _run("pg_dump", database, there, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    restore = _run(
        "psql", database, here, "-Xq1", "-v", "ON_ERROR_STOP=1", stdin=dump.stdout, stdout=subprocess.DEVNULL
    )
    with dump, restore:
        assert dump.stdout is not None
        dump.stdout.close()
        refused = restore.communicate()[1] or dump.communicate()[1]
    if dump.returncode or restore.returncode:
        raise ValueError((refused.decode("utf-8", "replace").strip() or "it does not say why").splitlines()[0])
    before, after = _rows(database, there), _rows(database, here)
    if before != after:
        raise ValueError(f"{min(before.items() ^ after.items())[0]} has another number of rows")
    return sum(after.values())


def _run(
    program: str, database: str, place: Path, *arguments: str, stdin: int | IO[bytes] | None, stdout: int
) -> subprocess.Popen[bytes]:
    whom = ("-w", "-h", str(place), "-p", "5432", "-U", roles.OWNER, "-d", database)
    command = [str(binaries() / program), *whom, *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, cwd="/", stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)


def _rows(database: str, place: Path) -> Mapping[str, int]:
    """By table."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(host=str(place), port=5432, user=roles.OWNER, dbname=database) as connection:
        tables = [name for (name,) in connection.execute(_TABLES)]
        counted = {}
        for name in tables:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.SQL(name))).fetchone()
            counted[name] = row[0] if row else 0
    return counted
