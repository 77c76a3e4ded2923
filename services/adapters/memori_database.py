"""What Memori keeps: a PostgreSQL schema `memori`, read in one snapshot that can write nothing, to be imported."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from services.adapters.postgres.database_url import CONNECT, libpq_url, place_of
from services.adapters.postgres.postgres_errors import connecting, translated
from services.errors import StoreMismatch
from services.ports import Clock
from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.memori import RowOrigin

if TYPE_CHECKING:
    import psycopg

Row = Mapping[str, object]

_SCHEMA = "memori"
_BATCH = 200
"""Rows fetched at once: few enough for texts of megabytes."""
_OPTION = "--memori"
_SETTINGS = ("datestyle = 'ISO'", "idle_in_transaction_session_timeout = 0", "statement_timeout = 0")
"""For the transaction: a batch waits as long as the texts of the one before are being embedded."""


@dataclass(frozen=True, slots=True)
class _Table:
    """What is read of one table."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    """Read as NULL where an older Memori has no such column."""
    order: str = "t.id"
    more: str = ""
    """Further expressions for each row."""


_ENDS = ", ".join(
    f"EXISTS (SELECT FROM {_SCHEMA}.entities e WHERE e.id = t.{end}_entity_id) AS {end}_exists"
    for end in ("source", "target")
)
TABLES: Mapping[str, _Table] = {
    "memories": _Table(
        ("id", "content"),
        (
            "user_id", "category", "metadata", "source_type", "confidence", "lineage", "last_used_at", "use_count",
            "expires_at", "created_at", "updated_at",
        ),
    ),
    "entities": _Table(
        ("id", "entity_name"), ("user_id", "entity_type", "content", "metadata", "created_at", "updated_at")
    ),
    "conversations": _Table(("id", "messages"), ("user_id", "session_id", "metadata", "created_at", "updated_at")),
    "relationships": _Table(
        ("id", "source_entity_id", "target_entity_id"),
        ("user_id", "relationship_type", "metadata", "created_at"),
        # All between two entities follow each other, whichever way they point.
        order="LEAST(t.source_entity_id, t.target_entity_id), GREATEST(t.source_entity_id, t.target_entity_id), t.id",
        more=_ENDS,
    ),
}  # fmt: skip
"""The tables in the order in which they are read; `memories` must be there."""
_COLUMNS = """
SELECT c.relname, a.attname, t.typcategory = 'D' AS dated
FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s
"""
_IDENTITY = "SELECT system_identifier::text, (SELECT oid::text FROM pg_database WHERE datname = current_database()) "
_FOLLOWING = f"""
SELECT id, earlier FROM (
    SELECT id, lag(id) OVER (PARTITION BY {{user}}, {{session}} ORDER BY {{made}}, id) AS earlier
    FROM {_SCHEMA}.conversations WHERE id <> ALL(%s)
) pairs WHERE earlier IS NOT NULL ORDER BY id
"""


class MemoriDatabase:
    """A database with Memori's tables, by its URL."""

    def __init__(self, url: str) -> None:
        """Raises InvalidInput when the URL cannot be read."""
        self._url = libpq_url(url, _OPTION)
        self.label = place_of(url)
        """«host:port/database», never a password."""

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[MemoriSnapshot]:
        """All that was there at one moment.

        Raises InvalidInput, AuthenticationFailed, StoreUnavailable or StoreTimeout when it cannot be opened or read,
        StoreMismatch when Memori's tables are not there.
        """
        import psycopg

        place = f"Memori in PostgreSQL at {self.label}"
        with connecting(place, _OPTION):
            connection = psycopg.connect(
                self._url, prepare_threshold=None, client_encoding="utf8", **_arguments(self._url)
            )
        with translated(place, _OPTION), contextlib.closing(connection):
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction(force_rollback=True):
                for setting in _SETTINGS:
                    connection.execute(f"SET LOCAL {setting}".encode())
                yield MemoriSnapshot(connection, place)


class MemoriSnapshot:
    """Rows as they were when the snapshot was taken; dates are ISO texts with their zone."""

    def __init__(self, connection: psycopg.Connection, place: str) -> None:
        self._connection = connection
        self._columns: dict[str, dict[str, bool]] = {}
        """By table: columns, and whether they are dates."""
        for table, column, dated in connection.execute(_COLUMNS, [_SCHEMA]):
            self._columns.setdefault(table, {})[column] = dated
        if not self._columns:
            raise StoreMismatch(f"{place} has no schema `{_SCHEMA}`; {_OPTION} must name the database that Memori uses")
        if "memories" not in self._columns:
            raise StoreMismatch(f"{place} has a schema `{_SCHEMA}`, but no table `memories` in it")
        for name, table in TABLES.items():
            lost = [one for one in table.required if name in self._columns and one not in self._columns[name]]
            if lost:
                raise StoreMismatch(f"{place}: table {_SCHEMA}.{name} has no column {', '.join(lost)}")

    @cached_property
    def identity(self) -> str:
        """Tells this database apart from every other, whatever address it is reached by."""
        row = self._connection.execute(_IDENTITY + "FROM pg_control_system()").fetchone()
        assert row is not None
        return "/".join(row)

    def counts(self) -> dict[str, int]:
        """Rows of each table; 0 for one that is not there."""
        return {name: self._count(name) if name in self._columns else 0 for name in TABLES}

    def rows(self, name: str) -> Iterator[Row]:
        """All rows of a table, streamed."""
        table, columns = TABLES[name], self._columns.get(name)
        if columns is None:
            return
        names = [*table.required, *table.optional]
        wanted = [_expression(one, columns.get(one)) for one in names]
        ends = [table.more] if table.more and "entities" in self._columns else []
        sql = f"SELECT {', '.join([*wanted, *ends])} FROM {_SCHEMA}.{name} t ORDER BY {table.order}"
        yield from self._stream(sql)

    def following(self, left_out: Sequence[object]) -> Iterator[tuple[object, object]]:
        """Conversations and the one before each, of the same user and session, in time; without those left out."""
        columns = self._columns.get("conversations")
        if columns is None:
            return
        known = {
            key: column if column in columns else "NULL::text"
            for key, column in (("user", "user_id"), ("session", "session_id"), ("made", "created_at"))
        }
        for row in self._stream(_FOLLOWING.format(**known), [list(left_out)]):
            yield row["id"], row["earlier"]

    def _count(self, name: str) -> int:
        row = self._connection.execute(f"SELECT count(*) FROM {_SCHEMA}.{name}".encode()).fetchone()
        return int(row[0]) if row else 0

    def _stream(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[Row]:
        from psycopg.rows import dict_row

        with self._connection.cursor(name="memoria_tui", row_factory=dict_row) as cursor:
            cursor.itersize = _BATCH
            cursor.execute(sql.encode(), parameters or None)
            yield from cursor


def _expression(column: str, dated: bool | None) -> str:
    """How a column is read: dates as texts, for not every date of PostgreSQL is one of Python."""
    if dated is None:
        return f"NULL AS {column}"
    # A date without a zone is of the zone in which the server writes.
    return f"t.{column}::timestamptz::text AS {column}" if dated else f"t.{column}"


def _arguments(url: str) -> dict[str, Any]:
    """Parameters of the connection besides those of the URL, which win."""
    return {name: value for name, value in CONNECT.items() if f"{name}=" not in url.partition("?")[2]}


class MemoriSource:
    """One database of Memori's; `done` and `size` count its rows."""

    unit = "rows"
    lasting = True

    def __init__(self, database: MemoriDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.name = f"Memori at {database.label}"
        self.size: int | None = None
        self.done = 0

    def origin(self) -> None:
        """What a database held is known by the history alone."""

    def records(self) -> Iterator[Record]:
        """Every memory, entity, conversation and relation, bad ones included, as it is read.

        Raises what `MemoriDatabase.snapshot` does.
        """
        with self._database.snapshot() as snapshot:
            self.size = sum(snapshot.counts().values())
            origin = RowOrigin(snapshot.identity, self._clock())
            left_out: dict[str, set[object]] = {}
            for table, read in (
                ("memories", origin.memory),
                ("entities", origin.entity),
                ("conversations", origin.conversation),
            ):
                for row in snapshot.rows(table):
                    record = read(row)
                    if isinstance(record, BadRecord):
                        left_out.setdefault(table, set()).add(row["id"])
                    yield record
                    self.done += 1
            for later, earlier in snapshot.following(list(left_out.get("conversations", ()))):
                yield origin.follows(later, earlier)
            for _, rows in groupby(snapshot.rows("relationships"), _pair):
                together = list(rows)
                yield from origin.relations(together, left_out.get("entities", ()))
                self.done += len(together)


def _pair(row: Row) -> frozenset[object]:
    return frozenset((row["source_entity_id"], row["target_entity_id"]))
