"""Which tables a backup holds, by which columns, how their rows are handed on, and how they look in the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.records import columns


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    """With its schema."""
    kind: str | None
    """What its rows are called where records are counted; None: they belong to others."""
    columns: tuple[str, ...]
    order: str = ""

    @property
    def staged(self) -> str:
        """Name of the temporary table beside it."""
        return f"restored_{self.name.partition('.')[2]}"

    @property
    def listed(self) -> str:
        return ", ".join(self.columns)

    def of(self, alias: str, *without: str) -> str:
        """The columns of one alias, as a list for SQL."""
        return ", ".join(f"{alias}.{column}" for column in self.columns if column not in without)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table as PostgreSQL's COPY writes them in text format."""

    table: str
    """With its schema."""
    columns: tuple[str, ...]
    count: int
    text: bytes
    kind: str | None = None
    """What the rows are called where records are counted; None: they are not, for they belong to others."""


@dataclass(frozen=True, slots=True)
class LastChange:
    """The newest row of the history of one memory."""

    memory_id: str
    change_id: int
    group: str
    after: Mapping[str, object] | None
    """None: it was deleted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How the records of one kind in an archive stand to those of the store."""

    kind: str
    new: int = 0
    """Only in the archive."""
    newer: int = 0
    """Different, and changed later in the archive."""
    older: int = 0
    """Different, and changed later here, or nobody knows when: a merge keeps these as they are here."""
    same: int = 0
    only_here: int = 0


CLIENTS = Table("public.clients", "clients", tuple(columns.CLIENT))
PROJECTS = Table("public.projects", "projects", tuple(columns.PROJECT))
SESSIONS = Table("public.work_sessions", "sessions", tuple(columns.SESSION))
RELATIONS = Table(
    "public.memory_relations",
    "relations",
    ("id", "source_id", "target_id", "relation_type", "weight", "created_by", "metadata", "created_at"),
)
REJECTED = Table(
    "public.rejected_suggestions",
    "rejected suggestions",
    ("id", "source_id", "target_id", "relation_type", "rejected_at"),
)
SETTINGS = Table("public.user_settings", "settings", ("key", "value", "updated_at"))
HISTORY = Table(
    "memoria_tui.audit_log",
    "changes",
    (
        *("id", "change_group", "position", "entity", "entity_id", "action", "actor", "program", "changed_at"),
        *("before", "after", "content_hash", "undoes", "summary", "ends", "kind", "imported"),
    ),
    "id",
)
KEPT_VECTORS = Table("memoria_tui.kept_vectors", None, ("change_id", "model", "dimensions", "vectors"))
OUTBOX = Table(
    "memoria_tui.embedding_schedule",
    None,
    ("memory_id", "change_id", "attempts", "last_error", "next_attempt", "since"),
)
REVIEWS = Table(
    "memoria_tui.reviews",
    None,
    (
        *("memory_id", "first_change", "last_change", "reviewed_change", "reviewed_by", "reviewed_at"),
        "snoozed_until",
    ),
)
IMPORT_SOURCES = Table(
    "memoria_tui.import_sources",
    None,
    (
        *("id", "machine", "path", "fingerprint", "records", "remarks", "conflicts", "imported_at"),
        *("sync", "reading"),
    ),
)
IMPORTED_ITEMS = Table(
    "memoria_tui.imported_items",
    None,
    ("source_id", "memory_id", "hash", "file", "file_hash", "change_group", "said", "imported_at", "change_id"),
)
TABLES = (
    *(CLIENTS, PROJECTS, SESSIONS, RELATIONS, REJECTED, SETTINGS, HISTORY, KEPT_VECTORS, OUTBOX, REVIEWS),
    *(IMPORT_SOURCES, IMPORTED_ITEMS),
)
"""In the order in which foreign keys allow to fill them."""
BY_NAME = {table.name: table for table in TABLES}

KEEP_NOTE = """
INSERT INTO memoria_tui.unfinished_restore (note) VALUES (:note) ON CONFLICT (one) DO UPDATE SET note = excluded.note
"""

UNIFORM = """
SELECT set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, MDY', true),
       set_config('intervalstyle', 'postgres', true), set_config('extra_float_digits', '1', true),
       set_config('bytea_output', 'hex', true), set_config('memoria_tui.refreshes_later', 'on', true),
       set_config('idle_in_transaction_session_timeout', '0', true)
"""
"""For the transaction: values are written as every server reads them, whatever the server's defaults."""


def state(table: Table, alias: str) -> str:
    """SQL of a row as the history keeps it, of type json."""
    if table is RELATIONS:
        return (
            f"json_build_object('id', {alias}.id, 'source_id', {alias}.source_id, 'target_id', {alias}.target_id, "
            f"'type', {alias}.relation_type, 'weight', {alias}.weight, 'created_by', {alias}.created_by, "
            f"'created_at', {alias}.created_at, 'metadata', COALESCE({alias}.metadata, '{{}}'))"
        )
    if table is SESSIONS:
        return f"to_jsonb({alias})::json"
    return f"json_build_object('row', to_jsonb({alias}))"


def entity(table: Table) -> str:
    """What the history calls a row of the table."""
    return {"clients": "client", "projects": "project", "sessions": "session", "relations": "relation"}[str(table.kind)]


RECORDED = (CLIENTS, PROJECTS, SESSIONS, RELATIONS)
"""Tables whose rows have a history."""
