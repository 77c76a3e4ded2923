"""Work sessions with their clients and projects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.tables import made_row
from services.adapters.postgres.records.text import storable, storable_json
from services.model import Action, Entity
from services.ports import NewChange

Row = Mapping[str, object]

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
_COLUMNS = """id, description, category, client_id, project_id, issue_number, pr_number, branch, start_time, end_time,
    pauses, total_pause_minutes, status, notes, memory_id, created_at, updated_at"""
_UPDATED = [name.strip() for name in _COLUMNS.split(",") if name.strip() not in ("id", "created_at", "updated_at")]
_LOCKED = """
SELECT id::text AS id, to_jsonb(t) AS row FROM public.work_sessions t
WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
"""
_UPSERT = f"""
INSERT INTO public.work_sessions ({_COLUMNS})
SELECT id, description, COALESCE(category, 'other'), client_id, project_id, issue_number, pr_number, branch, start_time,
       end_time, COALESCE(pauses, '[]'), COALESCE(total_pause_minutes, 0),
       COALESCE(status, CASE WHEN end_time IS NULL THEN 'active' ELSE 'completed' END::public.session_status),
       COALESCE(notes, '{{}}'), memory_id, COALESCE(created_at, now()), COALESCE(updated_at, now())
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (
    id uuid, description text, category public.session_category, client_id uuid, project_id uuid, issue_number integer,
    pr_number integer, branch text, start_time timestamptz, end_time timestamptz, pauses jsonb,
    total_pause_minutes integer, status public.session_status, notes text[], memory_id uuid, created_at timestamptz,
    updated_at timestamptz)
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _UPDATED)}
WHERE ({", ".join(f"work_sessions.{name}" for name in _UPDATED)})
    IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _UPDATED)})
RETURNING id::text AS id, to_jsonb(work_sessions) AS row
"""


class WorkReads(Reads):
    """What was worked on and when."""

    async def all_sessions(self, batch: int = 1000) -> AsyncIterator[list[Row]]:
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._read(_ALL, last=last, batch=batch):
            last = rows[-1].row["id"]
            yield [row.row for row in rows]


class WorkWrites(Writes):
    """Sessions to write whole."""

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
        locked = await self._fetch(_LOCKED, {"ids": [row.get("id") for row in rows]})
        before = {row.id: row.row for row in locked}
        written = await self._fetch(_UPSERT, {"rows": storable_json(rows)})
        for row in written:
            action = Action.UPDATED if row.id in before else Action.CREATED
            made.append(NewChange(Entity.SESSION, row.id, action, before.get(row.id), row.row, summary="imported"))
        return made

    async def _client_ids(self, sessions: Sequence[Row], made: list[NewChange]) -> dict[str | None, str]:
        wanted = {name: s.get("client_id") for s in sessions if (name := _name(s, "client")) is not None}
        if not wanted:
            return {}
        new = await self._fetch(_NEW_CLIENTS, {"ids": list(wanted.values()), "names": list(wanted)})
        made += [made_row(Entity.CLIENT, row.row) for row in new]
        rows = await self._fetch(
            "SELECT id::text AS id, name FROM public.clients WHERE name = ANY(CAST(:names AS text[]))",
            {"names": list(wanted)},
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
        new = await self._fetch(
            _NEW_PROJECTS,
            {
                "ids": list(missing.values()),
                "clients": [client for client, _ in missing],
                "names": [name for _, name in missing],
            },
        )
        made += [made_row(Entity.PROJECT, row.row) for row in new]
        return await self._known_projects(wanted)

    async def _known_projects(
        self, wanted: Mapping[tuple[str | None, str], object]
    ) -> dict[tuple[str | None, str | None], str]:
        rows = await self._fetch(
            "SELECT id::text AS id, client_id::text AS client_id, name FROM public.projects "
            "WHERE name = ANY(CAST(:names AS text[])) ORDER BY created_at DESC, id DESC",
            {"names": [name for _, name in wanted]},
        )
        return {(row.client_id, row.name): row.id for row in rows}


def _name(session: Row, key: str) -> str | None:
    name = session.get(key)
    return storable(name) if isinstance(name, str) else None
