"""Rows whole, as an export writes them and an import brings them back: sessions, and the small tables."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.errors import InvalidInput
from services.model import OURS, Action, Entity
from services.ports import NewChange, SqlConnection
from services.records.columns import BILLABLE, SESSION, SESSION_SET, TAGS, storable, storable_json

Row = Mapping[str, object]

_KEYS: Mapping[str, str] = {
    "clients": "id",
    "projects": "id",
    "rejected_suggestions": "id",
    "user_settings": "key",
}
"""Tables of schema `public` and the column that orders them."""
_ENTITIES = {"clients": Entity.CLIENT, "projects": Entity.PROJECT}
_WITH_NAMES = """
FROM public.work_sessions session
LEFT JOIN public.clients client ON client.id = session.client_id
LEFT JOIN public.projects project ON project.id = session.project_id
"""
_ALL = f"""
SELECT to_jsonb(session) || jsonb_build_object('client', client.name, 'project', project.name) AS row {_WITH_NAMES}
WHERE session.id > CAST(:last AS uuid) ORDER BY session.id LIMIT :batch
"""
_NEW_CLIENTS = """
INSERT INTO public.clients (id, name)
SELECT DISTINCT ON (name)
       CASE WHEN id IN (SELECT id FROM public.clients) THEN gen_random_uuid() ELSE COALESCE(id, gen_random_uuid()) END,
       name
FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[])) AS new (id, name)
ON CONFLICT (name) DO NOTHING
RETURNING to_jsonb(clients) AS row
"""
_NEW_PROJECTS = """
INSERT INTO public.projects (id, client_id, name)
SELECT DISTINCT ON (client_id, name)
       CASE WHEN id IN (SELECT id FROM public.projects) THEN gen_random_uuid() ELSE COALESCE(id, gen_random_uuid()) END,
       client_id, name
FROM unnest(CAST(:ids AS uuid[]), CAST(:clients AS uuid[]), CAST(:names AS text[])) AS new (id, client_id, name)
ON CONFLICT DO NOTHING
RETURNING to_jsonb(projects) AS row
"""
_LOCKED = """
SELECT id::text AS id, to_jsonb(t) AS row FROM public.work_sessions t
WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
"""
_DEFAULTS: Mapping[str, str] = {
    "category": "COALESCE(category, 'other')",
    "pauses": "COALESCE(pauses, '[]')",
    "total_pause_minutes": "COALESCE(total_pause_minutes, 0)",
    "status": "COALESCE(status, CASE WHEN end_time IS NULL THEN 'active' ELSE 'completed' END::public.session_status)",
    "notes": "COALESCE(notes, '{}')",
    "created_at": "COALESCE(created_at, now())",
    "updated_at": "COALESCE(updated_at, now())",
}
"""By column, what a row is read as that lacks it; other columns are null."""


def _imported_value(column: str) -> str:
    """What a session gets that is there already; a file of another program says nothing of our columns."""
    return f"COALESCE(excluded.{column}, work_sessions.{column})" if column.startswith(OURS) else f"excluded.{column}"


_UPSERT = f"""
INSERT INTO public.work_sessions ({", ".join(SESSION)})
SELECT {", ".join(_DEFAULTS.get(name, name) for name in SESSION)}
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new ({", ".join(f"{name} {kind}" for name, kind in SESSION.items())})
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = {_imported_value(name)}" for name in SESSION_SET)}
WHERE ({", ".join(f"work_sessions.{name}" for name in SESSION_SET)})
    IS DISTINCT FROM ({", ".join(map(_imported_value, SESSION_SET))})
RETURNING id::text AS id, to_jsonb(work_sessions) AS row
"""


_SAID_ELSEWHERE = ("description", "category", "client_id", "project_id", "start_time", "end_time", "pauses", "notes")
"""Columns of which another program says something."""
_TRACKED = """
SELECT wanted.id::text AS id, said.content_hash, said.after AS said,
       (newest.action = 'deleted' AND newest.undoes IS NULL) IS TRUE AS deleted,
       CASE WHEN session.id IS NOT NULL THEN
           to_jsonb(session) || jsonb_build_object('client', client.name, 'project', project.name) END AS row
FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
LEFT JOIN public.work_sessions session ON session.id = wanted.id
LEFT JOIN public.clients client ON client.id = session.client_id
LEFT JOIN public.projects project ON project.id = session.project_id
LEFT JOIN LATERAL (SELECT content_hash, after FROM memoria_tui.audit_log log
                   WHERE log.entity_id = wanted.id AND log.entity = 'session' AND log.content_hash IS NOT NULL
                   ORDER BY log.id DESC LIMIT 1) AS said ON true
LEFT JOIN LATERAL (SELECT action, undoes FROM memoria_tui.audit_log log
                   WHERE log.entity_id = wanted.id AND log.entity = 'session'
                     AND NOT (log.kind = 'restore' AND log.action = 'deleted')
                   ORDER BY log.id DESC LIMIT 1) AS newest ON true
"""


@dataclass(frozen=True, slots=True)
class TrackedSession:
    """What is here of a session that another program tracked."""

    row: Row | None
    """As it stands; None: it is not there."""
    hash: str | None
    """Of what the source said of it at the last import."""
    is_deleted: bool
    """By a person or program here, and not by an undo."""
    is_changed: bool
    """Whether it is otherwise than that import left it."""


class ExportedRows:
    """Values as JSON can hold them."""

    def __init__(self, database: SqlConnection) -> None:
        self._database = database

    async def of(self, table: str, batch: int = 1000) -> AsyncIterator[list[Mapping[str, object]]]:
        """Whole rows of `clients`, `projects`, `rejected_suggestions` or `user_settings`, in a stable order."""
        key, last = _KEYS[table], ""
        while rows := await self._database.fetch(
            f"SELECT {key}::text AS key, to_jsonb({table}) AS row FROM public.{table} "
            f"WHERE {key}::text > :last ORDER BY {key}::text LIMIT :batch",
            last=last,
            batch=batch,
        ):
            last = rows[-1].key
            yield [row.row for row in rows]

    async def sessions(self, batch: int = 1000) -> AsyncIterator[list[Row]]:
        """Clients and projects by id, with their names."""
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._database.fetch(_ALL, last=last, batch=batch):
            last = rows[-1].row["id"]
            yield [row.row for row in rows]

    async def tracked(self, ids: Sequence[str]) -> dict[str, TrackedSession]:
        """What is here of sessions that other programs tracked, by their ids."""
        rows = await self._database.fetch(_TRACKED, ids=list(ids))
        return {row.id: _tracked(row) for row in rows}


def _tracked(row: Any) -> TrackedSession:
    said = json.loads(row.said) if isinstance(row.said, str) else row.said
    now = row.row or {}
    changed = said is not None and any(now.get(name) != said.get(name) for name in (*_SAID_ELSEWHERE, TAGS, BILLABLE))
    return TrackedSession(row.row, row.content_hash, row.deleted, changed)


class ImportedRows:
    """Rows to write whole, in one transaction."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    async def insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> list[NewChange]:
        """Inserts the rows that are not there yet, by id or name; gives those with a history as its rows.

        Raises InvalidInput for a table that is none of these, or a value that does not fit its column.
        """
        if table not in _KEYS:
            raise InvalidInput(f"{table!r} is no table that can be imported")
        if not rows:
            return []
        if table == "projects":
            rows = await self._of_known_clients(rows)
        inserted = await self._connection.fetch(
            f"INSERT INTO public.{table} AS t SELECT * FROM jsonb_populate_recordset(NULL::public.{table}, "
            "CAST(:rows AS jsonb)) ON CONFLICT DO NOTHING RETURNING to_jsonb(t) AS row",
            rows=storable_json(list(rows)),
        )
        return [_imported(_ENTITIES[table], row.row) for row in inserted] if table in _ENTITIES else []

    async def upsert_sessions(self, sessions: Sequence[Row]) -> list[NewChange]:
        """Keys are the columns, and `client` and `project`: names that win over the ids and are made when missing.

        Gives what was written as rows for the history. Raises InvalidInput for a value that does not fit its column;
        then none is written.
        """
        if not sessions:
            return []
        made: list[NewChange] = []
        clients = await self._client_ids(sessions, made)
        projects = await self._project_ids(sessions, clients, made)
        rows = [
            {
                **session,
                "client_id": clients.get(_name(session, "client")),
                "project_id": projects.get((clients.get(_name(session, "client")), _name(session, "project"))),
            }
            for session in sessions
        ]
        before = await self.locked_sessions([str(row.get("id")) for row in rows])
        written = await self._connection.fetch(_UPSERT, rows=storable_json(rows))
        for row in written:
            action = Action.UPDATED if row.id in before else Action.CREATED
            made.append(NewChange(Entity.SESSION, row.id, action, before.get(row.id), row.row, summary="imported"))
        return made

    async def locked_sessions(self, ids: Sequence[str]) -> dict[str, Row]:
        """As they are until the transaction ends, by id; those that are not there are left out."""
        return {row.id: row.row for row in await self._connection.fetch(_LOCKED, ids=list(ids))}

    async def _of_known_clients(self, rows: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
        """The projects, those of a client that is not there without it: so they stand when a client is deleted."""
        ids = [str(row["client_id"]) for row in rows if row.get("client_id")]
        there = await self._connection.fetch(
            "SELECT id::text AS id FROM public.clients WHERE id = ANY(CAST(:ids AS uuid[]))", ids=ids
        )
        known = {row.id for row in there}
        return [
            {**row, "client_id": row.get("client_id") if str(row.get("client_id")).lower() in known else None}
            for row in rows
        ]

    async def _client_ids(self, sessions: Sequence[Row], made: list[NewChange]) -> dict[str | None, str]:
        wanted = {name: s.get("client_id") for s in sessions if (name := _name(s, "client")) is not None}
        if not wanted:
            return {}
        new = await self._connection.fetch(_NEW_CLIENTS, ids=list(wanted.values()), names=list(wanted))
        made += [_imported(Entity.CLIENT, row.row) for row in new]
        rows = await self._connection.fetch(
            "SELECT id::text AS id, name FROM public.clients WHERE name = ANY(CAST(:names AS text[]))",
            names=list(wanted),
        )
        return {row.name: row.id for row in rows}

    async def _project_ids(
        self, sessions: Sequence[Row], clients: Mapping[str | None, str], made: list[NewChange]
    ) -> dict[tuple[str | None, str | None], str]:
        """Two projects of one name without a client count as one: the older."""
        wanted = {
            (clients.get(_name(s, "client")), name): s.get("project_id")
            for s in sessions
            if (name := _name(s, "project")) is not None
        }
        if not wanted:
            return {}
        known = await self._known_projects(wanted)
        missing = {key: id_ for key, id_ in wanted.items() if key not in known}
        if not missing:
            return known
        new = await self._connection.fetch(
            _NEW_PROJECTS,
            ids=list(missing.values()),
            clients=[client for client, _ in missing],
            names=[name for _, name in missing],
        )
        made += [_imported(Entity.PROJECT, row.row) for row in new]
        return await self._known_projects(wanted)

    async def _known_projects(
        self, wanted: Mapping[tuple[str | None, str], object]
    ) -> dict[tuple[str | None, str | None], str]:
        rows = await self._connection.fetch(
            "SELECT id::text AS id, client_id::text AS client_id, name FROM public.projects "
            "WHERE name = ANY(CAST(:names AS text[])) ORDER BY created_at DESC, id DESC",
            names=[name for _, name in wanted],
        )
        return {(row.client_id, row.name): row.id for row in rows}


def _imported(entity: Entity, row: Mapping[str, Any]) -> NewChange:
    """The history row of a client or project that an import made."""
    return NewChange(entity, str(row["id"]), Action.CREATED, None, {"row": row}, summary="imported")


def _name(session: Row, key: str) -> str | None:
    name = session.get(key)
    return storable(name) if isinstance(name, str) else None
