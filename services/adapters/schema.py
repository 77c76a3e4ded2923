"""What version of our schema a database has, and how it gets the newest."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.adapters.postgres import Database, connect_arguments, fetch
from services.adapters.postgres_errors import UPGRADE_ADVICE, translated
from services.errors import SchemaMissing, StoreTooNew

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import URL, Connection

NEWEST = "0001"
"""Name of the last revision in `services/migrations/versions`; they are numbered."""
_ADVISORY_LOCK = 0x6D656D6F726961
"""The number by which programs that upgrade wait for each other: «memoria» as bytes."""

_STATE = """
SELECT (to_regclass('memoria_tui.alembic_version') IS NOT NULL) AS versioned,
       (to_regclass('memoria_tui.audit_log') IS NOT NULL) AS has_history,
       (to_regclass('public._migrations') IS NOT NULL) AS upstream,
       NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname IN ('public', 'memoria_tui') AND c.relkind IN ('r', 'p', 'v', 'm')) AS empty,
       current_setting('server_version') AS server_version
"""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How a database stands to this program."""

    version: str | None
    """Revision of our schema; None when we never upgraded it."""
    empty: bool
    """No tables at all."""
    upstream: bool
    """Made, or also used, by MCP Memoria."""
    server_version: str

    @property
    def current(self) -> bool:
        return self.version == NEWEST

    @property
    def too_new(self) -> bool:
        return self.version is not None and (not self.version.isdigit() or int(self.version) > int(NEWEST))


async def schema_state(database: Database) -> SchemaState:
    """Reads it; one round trip, two when we were here before."""
    async with database.connection() as connection:
        (row,) = await fetch(connection, _STATE)
        version = None
        if row.versioned:
            versions = await fetch(connection, "SELECT version_num FROM memoria_tui.alembic_version")
            version = versions[0].version_num if versions else None
    return SchemaState(version, row.empty, row.upstream, row.server_version.split()[0])


async def require_schema(database: Database) -> None:
    """Makes sure that the database can be written.

    The embedded database and an empty one are set up at once; into any other nothing is put unasked.
    Raises SchemaMissing or StoreTooNew.
    """
    state = await schema_state(database)
    if state.current:
        return
    refuse_newer(state, database.place)
    if database.embedded is None and not state.empty:
        raise SchemaMissing(f"PostgreSQL at {database.place} lacks the history of this program: {UPGRADE_ADVICE}")
    await upgrade(database)


def refuse_newer(state: SchemaState, place: str) -> None:
    """Raises StoreTooNew for a database that a newer program upgraded."""
    if state.too_new:
        raise StoreTooNew(
            f"PostgreSQL at {place} has schema {state.version}, this program knows up to {NEWEST}: install a newer one"
        )


async def upgrade(database: Database) -> None:
    """Brings the database to the newest revision in one transaction; programs that do so at once wait in turn."""
    url = await database.url()
    with translated(database.place):
        await asyncio.to_thread(_upgrade, url, database.place)


async def upgrade_script(version: str | None) -> str:
    """The SQL that would bring a database from this revision (None: from nothing of ours) to the newest."""
    return await asyncio.to_thread(_script, version)


def _upgrade(url: URL, place: str) -> None:
    from alembic import command
    from sqlalchemy import NullPool, create_engine, text

    engine = create_engine(url, poolclass=NullPool, connect_args=connect_arguments(url))
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        _refuse_unknown(connection, place)
        command.upgrade(config, "head")


def _refuse_unknown(connection: Connection, place: str) -> None:
    from sqlalchemy import text

    if connection.scalar(text("SELECT to_regclass('memoria_tui.alembic_version') IS NOT NULL")):
        version = connection.scalar(text("SELECT version_num FROM memoria_tui.alembic_version"))
        refuse_newer(SchemaState(version, empty=False, upstream=False, server_version=""), place)


def _script(version: str | None) -> str:
    from alembic import command

    output = io.StringIO()
    command.upgrade(_config(output), f"{version}:head" if version else "head", sql=True)
    return output.getvalue()


def _config(output: io.StringIO | None = None) -> Config:
    from alembic.config import Config

    from services.migrations import HERE

    config = Config(output_buffer=output, stdout=io.StringIO())
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return config
