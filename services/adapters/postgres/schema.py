"""What version of our schema a database has, and how it gets the newest."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.adapters.postgres.database_url import connect_arguments
from services.adapters.postgres.postgres_errors import UPGRADE_ADVICE, translated
from services.errors import SchemaMissing, StoreMismatch, StoreReadOnly, StoreTooNew
from services.migrations import HERE, NEWEST, lines_of
from services.ports import SqlFeatures

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import URL

    from services.adapters.postgres.database import Database

OLDEST_SERVER = 15
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
    "memoria_tui.unfinished_restore": "table",
    "memoria_tui.access_tokens": "table",
    "memoria_tui.connected_agents": "table",
    "memoria_tui.token_uses": "table",
    "memoria_tui.reviews": "table",
    "memoria_tui.import_sources": "table",
    "memoria_tui.imported_items": "table",
    "memoria_tui.duplicate_pairs": "table",
    "memoria_tui.duplicate_scan": "table",
    "memoria_tui.duplicate_texts": "table",
}
VERSION_TABLE = "memoria_tui.alembic_version"
_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"

_OWN_PATHS = """(SELECT prosrc LIKE '%memoria_tui.path_step%' FROM pg_proc
        WHERE oid = to_regprocedure('public.find_path(uuid, uuid, integer)')) IS TRUE AS own_paths"""
_EMBEDDED = f"""
SELECT version_num, current_setting('server_version') AS server_version, {_OWN_PATHS} FROM {VERSION_TABLE}
"""
"""What may differ in a database that is nobody else's."""
WARM_UP = "; ".join(
    [
        _EMBEDDED,
        *(f"SELECT FROM {name} LIMIT 0" for name, kind in TABLES.items() if kind == "table"),
        "INSERT INTO memoria_tui.audit_log (entity) SELECT '' LIMIT 0",
    ]
)
"""What has a new connection read how the tables and the triggers of the history are, which the first statement about
each would wait for; to be rolled back."""
_STATE = f"""
WITH there AS (
    SELECT n.nspname || '.' || c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
           c.relkind NOT IN ('r', 'p') OR has_table_privilege(c.oid, 'INSERT') AS writable,
           pg_has_role(c.relowner, 'USAGE') AS owned
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'memoria_tui') AND c.relkind IN ('r', 'p', 'v', 'm')
)
SELECT current_setting('server_version') AS server_version, current_user::text AS role,
       pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only,
       {_OWN_PATHS},
       ARRAY(SELECT name FROM there) AS tables,
       ARRAY(SELECT name FROM there WHERE NOT readable) AS unreadable,
       ARRAY(SELECT name FROM there WHERE NOT writable) AS unwritable,
       ARRAY(SELECT DISTINCT owner::text FROM there WHERE NOT owned AND name = ANY(CAST(:ours AS text[]))) AS owners
"""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How a database stands to this program."""

    version: str | None
    """Revision of our schema; None when we never upgraded it, or it may not be seen."""
    server_version: str
    tables: frozenset[str]
    """Tables and views of the schemas `public` and `memoria_tui`, with the schema's name."""
    role: str = ""
    standby: bool = False
    """A copy that follows a primary."""
    read_only: bool = False
    """Transactions are read-only unless they say otherwise."""
    unreadable: frozenset[str] = frozenset()
    """Those of `tables` that the role may not read."""
    unwritable: frozenset[str] = frozenset()
    """Those of `tables` into which the role may not insert."""
    owners: tuple[str, ...] = ()
    """Whose our tables are, as far as they are not the role's."""
    own_paths: bool = False
    """False: `find_path` is MCP Memoria's, also when its migrations ran after our upgrade and replaced ours."""

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

    @property
    def features(self) -> SqlFeatures:
        """What the schema has that not every one has."""
        return SqlFeatures(self.own_paths, self.version or "")


Ask = Callable[[str, Mapping[str, object] | None], Awaitable[Sequence[Any]]]
"""Runs one statement; gives its rows."""


async def schema_state(database: Database) -> SchemaState:
    """How the database stands; one round trip, two when we upgraded it before."""
    return await schema_state_by(database.read)


async def schema_state_by(ask: Ask) -> SchemaState:
    """As `schema_state`, by who runs statements otherwise."""
    (row,) = await ask(_STATE, {"ours": list(TABLES)})
    tables, unreadable = frozenset(row.tables), frozenset(row.unreadable)
    versions = await ask(_VERSION, None) if VERSION_TABLE in tables - unreadable else ()
    return SchemaState(
        version=versions[0].version_num if versions else None,
        server_version=re.split("[^0-9.]", row.server_version)[0],
        tables=tables,
        role=row.role,
        standby=row.standby,
        read_only=row.read_only,
        unreadable=unreadable,
        unwritable=frozenset(row.unwritable),
        owners=tuple(row.owners),
        own_paths=row.own_paths,
    )


def problems(state: SchemaState, name: str) -> tuple[str, ...]:
    """What stands in the way of writing, one line each."""
    try:
        refuse_unusable(state, name)
    except StoreMismatch as error:
        return (str(error),)
    if reason := read_only(state, name):
        return (reason,)
    return () if state.current or not state.tables else (_missing(name),)


def read_only(state: SchemaState, name: str) -> str:
    """Why nothing can be written with these rights, and what to do; "" when it can."""
    denied = sorted(state.unwritable.intersection(TABLES))
    if state.standby:
        return f"{name} is read-only: a standby, which follows its primary; connect to that one to write"
    if state.read_only:
        return f"{name} is read-only for the role {state.role}: default_transaction_read_only is on"
    if denied:
        return (
            f"{name} is read-only for the role {state.role}, which may not insert into {denied[0]}; to write, name "
            "another role in MEMORIA_DATABASE_URL"
        )
    if hidden(state):
        return f"{name} is read-only for the role {state.role}, which may not read the history in schema memoria_tui"
    if state.owners and not state.current:
        owner = ", ".join(state.owners)
        return (
            f"{name} is read-only for now: it lacks what this program adds, which only {owner} may add, not the role "
            f"{state.role}; run `memoria-tui db upgrade` as {owner}"
        )
    return ""


def hidden(state: SchemaState) -> bool:
    """Whether the role may not see all that is ours, its version perhaps included."""
    return bool(state.unreadable.intersection((*TABLES, VERSION_TABLE)))


def missing(state: SchemaState) -> tuple[str, ...]:
    """What an upgrade would add to a database that is not current, one line each."""
    return (*added(state), *replaced(state))


def added(state: SchemaState) -> tuple[str, ...]:
    """What an upgrade would add, one line each."""
    absent = tuple(f"{kind} {table}" for table, kind in TABLES.items() if table not in state.tables)
    return absent + lines_of("ADDS", state.version)


def replaced(state: SchemaState) -> tuple[str, ...]:
    """What an upgrade would replace; nothing in an empty database."""
    return lines_of("REPLACES", state.version) if state.tables else ()


async def require_schema(database: Database) -> SchemaState:
    """Makes sure that the database can be written; gives how it stands then.

    The embedded database and an empty one are set up at once; into any other nothing is put unless `database.permit`
    permits it. Raises SchemaMissing, StoreReadOnly or StoreTooNew.
    """
    if database.embedded is not None and (newest := await newest_by(database.read)):
        return newest
    state = await schema_state(database)
    refuse_unusable(state, database.name)
    refuse_read_only(state, database.name)
    if state.current:
        return state
    if database.embedded is not None or not state.tables:
        await upgrade(database)
    elif database.permit is None:
        raise SchemaMissing(_missing(database.name))
    else:
        await database.permit()
    return await schema_state(database)


async def newest_by(ask: Ask) -> SchemaState | None:
    """How an embedded database stands whose schema is the newest, in one quick statement; None of any other."""
    rows = await ask(_EMBEDDED, None)
    if not rows or rows[0].version_num != NEWEST:
        return None
    return SchemaState(NEWEST, rows[0].server_version, frozenset(TABLES), own_paths=rows[0].own_paths)


def refuse_read_only(state: SchemaState, name: str) -> None:
    if reason := read_only(state, name):
        raise StoreReadOnly(f"{reason}; nothing was written")


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

    Raises StoreMismatch (StoreTooNew, StoreReadOnly), StoreUnavailable, or what `before_upgrade` does.
    """
    state = await schema_state(database)
    refuse_unusable(state, database.name)
    refuse_read_only(state, database.name)
    if database.before_upgrade and state.version and not state.current:
        await database.before_upgrade()
    url = await database.url()
    with translated(database.name):
        await asyncio.to_thread(_upgrade, url)


async def upgrade_script(version: str | None) -> str:
    """The SQL that would bring a database from this revision (None: from nothing of ours) to the newest."""
    return await asyncio.to_thread(_script, version)


def _upgrade(url: URL) -> None:
    """Raises what psycopg does."""
    from alembic import command
    from sqlalchemy import NullPool, create_engine, text
    from sqlalchemy.exc import DBAPIError

    arguments = {**connect_arguments(url.query), "prepare_threshold": None}
    try:
        with create_engine(url, poolclass=NullPool, connect_args=arguments).begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise (error.orig or error) from error


def _script(version: str | None) -> str:
    from alembic import command

    output = io.StringIO()
    command.upgrade(_config(output), f"{version}:head" if version else "head", sql=True)
    return output.getvalue()


def _config(output: io.StringIO | None = None) -> Config:
    from alembic.config import Config

    config = Config(output_buffer=output, stdout=io.StringIO())
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return config
