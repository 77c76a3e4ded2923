"""What version of our schema a database has, and how it gets the newest."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.adapters.postgres.database import Database, connect_arguments, fetch
from services.adapters.postgres.errors import UPGRADE_ADVICE, translated
from services.errors import SchemaMissing, StoreMismatch, StoreTooNew

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

OLDEST_SERVER = 15
NEWEST = "0001"
"""Name of the last revision in `services/migrations/versions`; they are numbered."""
_ADVISORY_LOCK = 0x6D656D6F726961
"""The number by which programs that upgrade wait for each other: «memoria» as bytes."""
TABLES = {
    "public.clients": "table",
    "public.projects": "table",
    "public.work_sessions": "table",
    "public.memory_relations": "table",
    "public.rejected_suggestions": "table",
    "public.user_settings": "table",
    "public.monthly_work_summary": "view",
    "public.daily_work_totals": "view",
    "public.client_statistics": "view",
    "memoria_tui.audit_log": "table",
    "memoria_tui.kept_vectors": "table",
    "memoria_tui.embedding_schedule": "table",
}
REPLACED = (
    "corrected functions public.get_neighbors, find_path, refresh_work_views, refresh_all_statistics",
    "corrected view public.client_statistics, unique indexes of the other work views",
)
VERSION_TABLE = "memoria_tui.alembic_version"
_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"

_STATE = """
SELECT current_setting('server_version') AS server_version,
       ARRAY(SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname IN ('public', 'memoria_tui') AND c.relkind IN ('r', 'p', 'v', 'm')) AS tables
"""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How a database stands to this program."""

    version: str | None
    """Revision of our schema; None when we never upgraded it."""
    server_version: str
    tables: frozenset[str]
    """Tables and views of the schemas `public` and `memoria_tui`, with the schema's name."""

    @property
    def current(self) -> bool:
        return self.version == NEWEST

    @property
    def upstream(self) -> bool:
        """Made, or also used, by MCP Memoria."""
        return "public._migrations" in self.tables

    @property
    def too_new(self) -> bool:
        return self.version is not None and (not self.version.isdigit() or int(self.version) > int(NEWEST))

    @property
    def too_old_server(self) -> bool:
        return int(self.server_version.split(".")[0]) < OLDEST_SERVER


async def schema_state(database: Database) -> SchemaState:
    """How the database stands; one round trip, two when we upgraded it before."""
    async with database.connection() as connection:
        return await schema_state_on(connection)


async def schema_state_on(connection: AsyncConnection) -> SchemaState:
    """As `schema_state`, on a connection that is open already."""
    (row,) = await fetch(connection, _STATE)
    tables = frozenset(row.tables)
    versions = await fetch(connection, _VERSION) if VERSION_TABLE in tables else ()
    version = versions[0].version_num if versions else None
    return SchemaState(version, re.split("[^0-9.]", row.server_version)[0], tables)


def problems(state: SchemaState, name: str) -> tuple[str, ...]:
    """What stands in the way of writing, one line each."""
    try:
        refuse_unusable(state, name)
    except StoreMismatch as error:
        return (str(error),)
    return () if state.current or not state.tables else (_missing(name),)


def missing(state: SchemaState) -> tuple[str, ...]:
    """What an upgrade would add to a database that is not current, one line each."""
    absent = tuple(f"{kind} {table}" for table, kind in TABLES.items() if table not in state.tables)
    return (*absent, *REPLACED) if state.tables else absent


async def require_schema(database: Database) -> None:
    """Makes sure that the database can be written.

    The embedded database and an empty one are set up at once; into any other nothing is put unasked.
    Raises SchemaMissing or StoreTooNew.
    """
    state = await schema_state(database)
    refuse_unusable(state, database.name)
    if state.current:
        return
    if database.embedded is None and state.tables:
        raise SchemaMissing(_missing(database.name))
    await upgrade(database)


def refuse_unusable(state: SchemaState, name: str) -> None:
    """Raises StoreTooNew for a database that a newer program upgraded, StoreMismatch for a server that is too old."""
    if state.too_new:
        raise StoreTooNew(f"{name} has schema {state.version}, this program knows up to {NEWEST}: install a newer one")
    if state.too_old_server:
        raise StoreMismatch(f"{name} is {state.server_version}; {OLDEST_SERVER} or newer is needed")


def _missing(name: str) -> str:
    return f"{name} lacks the history of this program: {UPGRADE_ADVICE}"


async def upgrade(database: Database) -> None:
    """Brings the database to the newest revision in one transaction; programs that do so at once wait in turn.

    Raises StoreMismatch (StoreTooNew) or StoreUnavailable.
    """
    refuse_unusable(await schema_state(database), database.name)
    url = await database.url()
    with translated(database.name):
        await asyncio.to_thread(_upgrade, url)


async def upgrade_script(version: str | None) -> str:
    """The SQL that would bring a database from this revision (None: from nothing of ours) to the newest."""
    return await asyncio.to_thread(_script, version)


def _upgrade(url: URL) -> None:
    from alembic import command
    from sqlalchemy import NullPool, create_engine, text

    engine = create_engine(url, poolclass=NullPool, connect_args=connect_arguments(url))
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
