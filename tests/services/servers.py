"""PostgreSQL servers for tests beside the embedded one."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.adapters.postgres import roles
from services.adapters.postgres.database import CheckedDatabase
from services.adapters.postgres.database_url import parse_url
from services.adapters.postgres.postgres_binaries import binaries
from services.adapters.postgres.server_user import HERE
from services.records import Records
from services.settings import Settings

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
PGBOUNCER = Path("/usr/sbin/pgbouncer")
Connection = psycopg.Connection[tuple[object, ...]]
UPSTREAM_DUMP = Path(__file__).parents[3] / "shared" / "data" / "upstream-dev" / "postgres.sql"


def records_of(settings: Settings) -> Records:
    """The records in the database that the settings name; to be closed."""
    return Records(CheckedDatabase.of(settings), settings)


@contextlib.contextmanager
def postgres_15(folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL 15 of Debian's on a socket in `folder`; skips where it is not installed."""
    if not DEBIAN_15.is_dir():
        pytest.skip("needs Debian's postgresql-15")
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres").pw_uid
        os.chown(folder, user, -1)
        open_to_others(folder)
    run(
        user,
        DEBIAN_15 / "initdb",
        "-U",
        "memoria",
        "--auth=trust",
        "-N",
        "--locale=C",
        "-E",
        "UTF8",
        "-D",
        folder / "data",
    )
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    control = (DEBIAN_15 / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w")
    run(user, *control, "-o", options, "start")
    try:
        yield f"postgresql://memoria@/postgres?host={folder}&port=5432"
    finally:
        run(user, *control, "-m", "immediate", "stop")


@contextlib.contextmanager
def pgbouncer(database_url: str, folder: Path) -> Iterator[str]:
    """The database through PgBouncer, which hands its one connection on after each transaction; skips without it."""
    if not PGBOUNCER.exists():
        pytest.skip("needs pgbouncer")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    url = parse_url(database_url)
    socket_folder = Path(str(url.query["host"]))
    host = HERE if os.geteuid() == 0 else socket_folder
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\nmemoria = host={host} port={url.query.get('port', '5432')} "
        f"dbname={url.database} user={url.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 1\nquery_wait_timeout = 60\n"
    )
    open_to_others(configuration)
    with subprocess.Popen(
        [PGBOUNCER, "-q", configuration],
        cwd=socket_folder,
        user=socket_folder.stat().st_uid if os.geteuid() == 0 else None,
        stderr=subprocess.DEVNULL,
    ) as bouncer:
        while socket.socket().connect_ex(("127.0.0.1", port)) and bouncer.poll() is None:
            time.sleep(0.02)
        try:
            yield f"postgresql://{url.username}@127.0.0.1:{port}/memoria"
        finally:
            bouncer.terminate()


def as_user(url: str, credentials: str) -> str:
    """The same database as another role, given as `name` or `name:password`."""
    return re.sub("//[^@]*@", f"//{credentials}@", url)


LEFT = 2
"""Databases of tests that ended which stay a while: dropping one that is just being left waits for 0.1 s."""


def as_superuser(url: str) -> str:
    """The same database as the role that may do everything; the program's role may not."""
    return as_user(url, roles.OWNER)


def create_database(url: str, name: str, template: str = "template0", by: Connection | None = None) -> str:
    """A new database of the role in the URL, on that server; gives its URL. `by`: a connection of the superuser."""
    role = parse_url(url).username
    _act(url, by, f"CREATE DATABASE {name} OWNER {role} TEMPLATE {template} STRATEGY file_copy")
    return of_database(url, name)


def of_database(url: str, name: str) -> str:
    """URL of another database on the same server."""
    return re.sub(r"@/\w+\?", f"@/{name}?", url)


def drop_database(url: str, name: str, by: Connection | None = None) -> None:
    _act(url, by, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _act(url: str, by: Connection | None, sql: str) -> None:
    if by is None:
        query(as_superuser(url), sql)
    else:
        by.execute(sql.encode())


def open_to_others(path: Path) -> None:
    """Lets another user read what lies under a folder of the tests, as a server that root starts must."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder.parent == Path(tempfile.gettempdir()):
            break


def restore_upstream(url: str) -> None:
    """Puts the database that MCP Memoria made into an empty one; skips where the dump is absent."""
    if not UPSTREAM_DUMP.exists():
        pytest.skip("needs ../shared/data/upstream-dev")
    run(None, binaries() / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", UPSTREAM_DUMP)


def run(user: int | None, *command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


def query(url: str, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    """Rows of one statement, committed."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []
