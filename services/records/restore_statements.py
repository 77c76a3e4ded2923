"""SQL that compares the rows of an archive with the tables and brings them in; `r` is the archive's row, `t` ours.

What writes is a list of common table expressions that ends with `changed (id, before, after, ends)`, because PostgreSQL
lets data-modifying ones stand at the top of a statement only.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.model import Action, Kind
from services.records.archive_tables import (
    HISTORY,
    IMPORT_SOURCES,
    IMPORTED_ITEMS,
    KEPT_VECTORS,
    REJECTED,
    RELATIONS,
    REVIEWS,
    SETTINGS,
    Table,
    entity,
    state,
)
from services.records.columns import reference

SUMMARY = "restored from a backup"
_SAME_CHANGE = """t.entity_id = r.entity_id AND t.change_group = r.change_group AND t.changed_at = r.changed_at
    AND t.entity = r.entity AND t.action = r.action"""
_UNDATED = (RELATIONS, REJECTED, SETTINGS)
"""Tables in which what is here stays: two have no date of change, and settings have no history to take them from."""

MATCH_NAMES = (
    """
    CREATE TEMP TABLE moved_clients ON COMMIT DROP AS
    SELECT r.id AS old, t.id AS new FROM restored_clients r JOIN public.clients t ON t.name = r.name AND t.id <> r.id
    WHERE NOT EXISTS (SELECT FROM public.clients x WHERE x.id = r.id)
    """,
    "UPDATE restored_projects r SET client_id = m.new FROM moved_clients m WHERE r.client_id = m.old",
    "UPDATE restored_work_sessions r SET client_id = m.new FROM moved_clients m WHERE r.client_id = m.old",
    "UPDATE restored_clients r SET id = m.new FROM moved_clients m WHERE r.id = m.old",
    """
    CREATE TEMP TABLE moved_projects ON COMMIT DROP AS
    SELECT DISTINCT ON (r.id) r.id AS old, t.id AS new
    FROM restored_projects r
    JOIN public.projects t ON t.name = r.name AND t.client_id IS NOT DISTINCT FROM r.client_id AND t.id <> r.id
    WHERE NOT EXISTS (SELECT FROM public.projects x WHERE x.id = r.id)
    ORDER BY r.id, t.created_at, t.id
    """,
    "UPDATE restored_work_sessions r SET project_id = m.new FROM moved_projects m WHERE r.project_id = m.old",
    "UPDATE restored_projects r SET id = m.new FROM moved_projects m WHERE r.id = m.old",
)

NUMBERED = f"""
CREATE TEMP TABLE restored_numbers ON COMMIT DROP AS
SELECT old, here, CASE WHEN here IS NULL THEN nextval(pg_get_serial_sequence('{HISTORY.name}', 'id')) END AS new
FROM (SELECT r.id AS old, (SELECT t.id FROM {HISTORY.name} t WHERE {_SAME_CHANGE} LIMIT 1) AS here
      FROM {HISTORY.staged} r ORDER BY r.id) AS found
"""
"""The number that each change of the archive has here, or will have."""
EARLIER_UNDOS = f"UPDATE {HISTORY.staged} SET kind = 'undo' WHERE undoes IS NOT NULL AND kind = 'edit'"
"""Of an archive that was made before changes had a kind."""
APPEND_HISTORY = f"""
INSERT INTO {HISTORY.name} ({HISTORY.listed}) OVERRIDING SYSTEM VALUE
SELECT n.new, {HISTORY.of("r", "id", "imported")}, true FROM {HISTORY.staged} r JOIN restored_numbers n ON n.old = r.id
WHERE n.new IS NOT NULL ORDER BY r.id
"""
APPEND_KEPT_VECTORS = f"""
INSERT INTO {KEPT_VECTORS.name} ({KEPT_VECTORS.listed})
SELECT n.new, {KEPT_VECTORS.of("r", "change_id")} FROM {KEPT_VECTORS.staged} r
JOIN restored_numbers n ON n.old = r.change_id WHERE n.new IS NOT NULL
"""
TAKE_OUTBOX = """
INSERT INTO memoria_tui.embedding_schedule (memory_id, change_id, attempts, last_error, next_attempt, since)
SELECT r.memory_id, COALESCE(n.new, n.here), r.attempts, r.last_error, r.next_attempt,
       CASE WHEN r.since > r.change_id THEN COALESCE(n.new, n.here) + 1 ELSE COALESCE(first.new, first.here) END
FROM restored_embedding_schedule r JOIN restored_numbers n ON n.old = r.change_id
LEFT JOIN restored_numbers first ON first.old = r.since
ON CONFLICT DO NOTHING
"""
"""An archive that was made before entries had `since` says nothing of it: then it is the change itself."""
TAKE_REVIEWS = f"""
INSERT INTO {REVIEWS.name} ({REVIEWS.listed})
SELECT r.memory_id, COALESCE(first.new, first.here), COALESCE(last.new, last.here),
       COALESCE(reviewed.new, reviewed.here), r.reviewed_by, r.reviewed_at, r.snoozed_until
FROM {REVIEWS.staged} r JOIN restored_numbers last ON last.old = r.last_change
LEFT JOIN restored_numbers first ON first.old = r.first_change
LEFT JOIN restored_numbers reviewed ON reviewed.old = r.reviewed_change
ON CONFLICT DO NOTHING
"""
_SAME_SOURCE = "t.machine = r.machine AND t.path = r.path"
FORGET_IMPORTS = (
    f"""
    UPDATE {IMPORT_SOURCES.staged} r SET sync = t.sync, reading = t.reading
    FROM {IMPORT_SOURCES.name} t WHERE {_SAME_SOURCE} AND t.sync IS NOT NULL
    """,
    f"""
    DELETE FROM {IMPORT_SOURCES.name} t
    WHERE sync IS NULL OR EXISTS (SELECT FROM {IMPORT_SOURCES.staged} r WHERE {_SAME_SOURCE})
    """,
    f"DELETE FROM {IMPORTED_ITEMS.name}",
    f"UPDATE {IMPORT_SOURCES.name} SET fingerprint = NULL",
)
"""What was imported since is not here any more: sources are read again. Those that are synced stay so."""
TAKE_IMPORTS = (
    f"""
    INSERT INTO {IMPORT_SOURCES.name} ({", ".join(IMPORT_SOURCES.columns[1:])})
    SELECT {IMPORT_SOURCES.of("r", "id")} FROM {IMPORT_SOURCES.staged} r ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO {IMPORTED_ITEMS.name} ({IMPORTED_ITEMS.listed})
    SELECT t.id, {IMPORTED_ITEMS.of("r", "source_id", "change_id")}, COALESCE(n.new, n.here, LEAST(r.change_id, 0))
    FROM {IMPORTED_ITEMS.staged} r
    JOIN {IMPORT_SOURCES.staged} s ON s.id = r.source_id
    JOIN {IMPORT_SOURCES.name} t ON t.machine = s.machine AND t.path = s.path
    LEFT JOIN restored_numbers n ON n.old = r.change_id
    WHERE NOT EXISTS (SELECT FROM {IMPORTED_ITEMS.name} x WHERE x.memory_id = r.memory_id)
    """,
)
"""What is known here of where a memory came from stays."""
APPENDED_MEMORIES = f"""
SELECT DISTINCT ON (t.entity_id) t.entity_id::text AS memory_id, t.id, t.change_group, t.after FROM {HISTORY.name} t
WHERE t.entity = 'memory' AND t.entity_id IN (
    SELECT DISTINCT r.entity_id FROM {HISTORY.staged} r JOIN restored_numbers n ON n.old = r.id
    WHERE n.new IS NOT NULL AND r.entity = 'memory' AND r.entity_id > CAST(:last AS uuid) ORDER BY 1 LIMIT :limit)
ORDER BY t.entity_id, t.id DESC
"""


def kept_here(table: Table, columns: Sequence[str]) -> str:
    """Takes columns of which an older archive says nothing as they are here."""
    settings = ", ".join(f"{column} = t.{column}" for column in columns)
    return f"UPDATE {table.staged} r SET {settings} FROM {table.name} t WHERE t.id = r.id"


def compared(table: Table) -> str:
    """Counts of new, newer, older, same and only_here."""
    if table is HISTORY:
        matched, differs, later = (
            f"LEFT JOIN LATERAL (SELECT 1 AS is_here FROM {table.name} t WHERE {_SAME_CHANGE} LIMIT 1) t ON true",
            "false",
            "false",
        )
        here = "t.is_here"
    else:
        key = _key(table)
        matched = f"LEFT JOIN {table.name} t ON " + " AND ".join(f"t.{column} = r.{column}" for column in key)
        here, differs, later = f"t.{key[0]}", _differs(table), _later(table)
    return f"""
    SELECT count(*) FILTER (WHERE {here} IS NULL) AS new,
           count(*) FILTER (WHERE {here} IS NOT NULL AND {differs} AND {later}) AS newer,
           count(*) FILTER (WHERE {here} IS NOT NULL AND {differs} AND NOT {later}) AS older,
           count(*) FILTER (WHERE {here} IS NOT NULL AND NOT {differs}) AS same,
           GREATEST(0, (SELECT count(*) FROM {table.name}) - count({here})) AS only_here
    FROM {table.staged} r {matched}
    """


def inserted(table: Table) -> str:
    """Inserts the rows that are missing."""
    values = ", ".join(reference(column, "r") for column in table.columns)
    return f"""
    done AS (INSERT INTO {table.name} ({table.listed}) SELECT {values} FROM {table.staged} r
             ON CONFLICT DO NOTHING RETURNING *),
    changed AS (SELECT done.id, NULL::json AS before, {state(table, "done")} AS after, {_ends(table, "done")} AS ends
                FROM done)
    """


def updated(table: Table) -> str:
    """Updates the rows that are older here."""
    settings = ", ".join(f"{column} = {reference(column, 'r')}" for column in _compared(table))
    return f"""
    old AS (SELECT t.* FROM {table.name} t JOIN {table.staged} r ON r.id = t.id
            WHERE {_differs(table)} AND {_later(table)} AND {_name_is_free(table)} FOR UPDATE OF t),
    done AS (UPDATE {table.name} t SET {settings} FROM {table.staged} r, old
             WHERE t.id = r.id AND old.id = t.id RETURNING t.*),
    changed AS (SELECT done.id, {state(table, "old")} AS before, {state(table, "done")} AS after, NULL::uuid[] AS ends
                FROM done JOIN old ON old.id = done.id)
    """


def replaced(table: Table) -> str:
    """Only looks for the rows that are new, differ or are only here."""
    return f"""
    changed AS (
        SELECT COALESCE(t.id, r.id) AS id, CASE WHEN t.id IS NOT NULL THEN {state(table, "t")} END AS before,
               CASE WHEN r.id IS NOT NULL THEN {state(table, "r")} END AS after,
               CASE WHEN t.id IS NOT NULL THEN {_ends(table, "t")} ELSE {_ends(table, "r")} END AS ends
        FROM {table.name} t FULL JOIN {table.staged} r ON r.id = t.id
        WHERE t.id IS NULL OR r.id IS NULL OR {_differs(table)})
    """


def recording(changes: str, table: Table) -> str:
    """Carries the expressions out and writes what changed into the history; gives the number of rows."""
    return f"""
    WITH {changes}, logged AS (
        INSERT INTO {HISTORY.name} (change_group, position, entity, entity_id, action, actor, program, before, after,
                                    summary, ends, kind)
        SELECT CAST(:group AS text), row_number() OVER () - 1, '{entity(table)}', id,
               CASE WHEN before IS NULL THEN '{Action.CREATED}' WHEN after IS NULL THEN '{Action.DELETED}'
                    ELSE '{Action.UPDATED}' END,
               CAST(:actor AS text), CAST(:program AS text), before, after, '{SUMMARY}', ends, '{Kind.RESTORE}'
        FROM changed RETURNING 1)
    SELECT count(*) AS rows FROM logged
    """


def _key(table: Table) -> tuple[str, ...]:
    if table in (RELATIONS, REJECTED):
        return ("source_id", "target_id", "relation_type")
    return ("key",) if table is SETTINGS else ("id",)


def _compared(table: Table) -> tuple[str, ...]:
    """Columns in which a row of both can differ."""
    never = {*_key(table), "id", "created_at", "updated_at", "rejected_at"}
    return tuple(column for column in table.columns if column not in never)


def _differs(table: Table) -> str:
    columns = _compared(table)
    if not columns:
        return "false"
    ours, theirs = (", ".join(f"{alias}.{column}" for column in columns) for alias in "tr")
    return f"(ROW({ours}) IS DISTINCT FROM ROW({theirs}))"


def _later(table: Table) -> str:
    return "false" if table in _UNDATED else "(r.updated_at > t.updated_at)"


def _name_is_free(table: Table) -> str:
    if table.kind == "sessions":
        return "true"
    same = "" if table.kind == "clients" else "x.client_id = r.client_id AND "
    return f"NOT EXISTS (SELECT FROM {table.name} x WHERE {same}x.name = r.name AND x.id <> t.id)"


def _ends(table: Table, alias: str) -> str:
    return f"ARRAY[{alias}.source_id, {alias}.target_id]" if table is RELATIONS else "NULL::uuid[]"
