"""Clients and projects: listed with what was worked, made, renamed, merged, moved, deleted.

The history of a merge or move lists the sessions that went along by id, so that taking it back finds them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.adapters.postgres.records.text import storable
from services.adapters.postgres.work.base import Act, WorkTables
from services.errors import Conflict, NotFound
from services.model import Entity, Kind
from services.work.model import Client, ClientTotal, Project, ProjectTotal

_TABLE: Mapping[Entity, str] = {Entity.CLIENT: "clients", Entity.PROJECT: "projects"}
_COLUMN: Mapping[Entity, str] = {Entity.CLIENT: "client_id", Entity.PROJECT: "project_id"}
_CLIENTS = "SELECT id::text AS id, name, metadata FROM public.clients ORDER BY lower(name), name"
_PROJECTS = """
SELECT project.id::text AS id, project.name, project.client_id::text AS client_id, client.name AS client, project.repo,
       project.metadata
FROM public.projects project LEFT JOIN public.clients client ON client.id = project.client_id
ORDER BY lower(project.name), client.name, project.id
"""
_TOTALS = """
SELECT {column}::text AS id, COALESCE(sum(duration_minutes) FILTER (WHERE status = 'completed'), 0)::bigint AS minutes,
       count(*) AS sessions, max(start_time) AS last
FROM public.work_sessions GROUP BY 1
"""
_NEW_CLIENT = "INSERT INTO public.clients (name) VALUES (:name) RETURNING id::text AS id, to_jsonb(clients) AS row"
_NEW_PROJECT = """
INSERT INTO public.projects (name, client_id, repo) VALUES (:name, CAST(:client_id AS uuid), :repo)
RETURNING id::text AS id, to_jsonb(projects) AS row
"""
_PROJECT_OF_NAME = """
SELECT id::text AS id FROM public.projects
WHERE name = :name AND client_id IS NOT DISTINCT FROM CAST(:client_id AS uuid) ORDER BY created_at, id LIMIT 1
"""
_SAME_NAMED = """
SELECT source.id::text AS source, (
    SELECT target.id::text FROM public.projects target
    WHERE target.client_id = CAST(:target AS uuid) AND target.name = source.name) AS target
FROM public.projects source WHERE source.client_id = CAST(:source AS uuid) ORDER BY source.id
"""


class ClientTable(WorkTables):
    """`clients` and `projects`."""

    async def clients(self) -> list[Client]:
        return [Client(row.id, row.name, row.metadata or {}) for row in await self._read(_CLIENTS)]

    async def projects(self) -> list[Project]:
        return [_project(row) for row in await self._read(_PROJECTS)]

    async def client_totals(self) -> list[ClientTotal]:
        totals = await self._totals(Entity.CLIENT)
        owners = [project.client_id for project in await self.projects()]
        listed = {client.id: client for client in await self.clients()}
        return [
            ClientTotal(listed[id_] if id_ else None, row.minutes, row.sessions, owners.count(id_), row.last)
            for id_, row in _with_idle(totals, listed).items()
        ]

    async def project_totals(self) -> list[ProjectTotal]:
        listed = {project.id: project for project in await self.projects()}
        totals = await self._totals(Entity.PROJECT)
        return [
            ProjectTotal(listed[id_] if id_ else None, row.minutes, row.sessions, row.last)
            for id_, row in _with_idle(totals, listed).items()
        ]

    async def create_client(self, name: str) -> Client:
        async with self._act() as act:
            if await act.fetch("SELECT 1 FROM public.clients WHERE name = :name", name=storable(name)):
                raise Conflict(f"there is a client «{name}» already", current=None)
            (row,) = await act.fetch(_NEW_CLIENT, name=storable(name))
            act.note(Entity.CLIENT, row.id, None, {"row": row.row}, f"new client «{name}»")
            return Client(row.id, row.row["name"], row.row["metadata"] or {})

    async def create_project(self, name: str, client_id: str | None, repo: str | None) -> Project:
        async with self._act() as act:
            await self._refuse_project(act, name, client_id)
            (row,) = await act.fetch(_NEW_PROJECT, name=storable(name), client_id=client_id, repo=repo)
            act.note(Entity.PROJECT, row.id, None, {"row": row.row}, f"new project «{name}»")
        return next(project for project in await self.projects() if project.id == row.id)

    async def rename(self, entity: Entity, entity_id: str, name: str) -> None:
        async with self._act() as act:
            before = await _locked(act, entity, entity_id)
            if entity is Entity.PROJECT:
                await self._refuse_project(act, name, before["client_id"])
            elif await act.fetch("SELECT 1 FROM public.clients WHERE name = :name", name=storable(name)):
                raise Conflict(f"there is a client «{name}» already: merge the two instead", current=None)
            (after,) = await act.fetch(
                f"UPDATE public.{_TABLE[entity]} SET name = :name WHERE id = CAST(:id AS uuid) "
                f"RETURNING to_jsonb({_TABLE[entity]}) AS row",
                id=entity_id,
                name=storable(name),
            )
            summary = f"renamed {entity} «{before['name']}» to «{name}»"
            act.note(entity, entity_id, {"row": before}, {"row": after.row}, summary)

    async def merge(self, entity: Entity, source_id: str, target_id: str) -> int:
        if source_id == target_id:
            raise Conflict(f"a {entity} cannot be merged with itself", current=None)
        async with self._act(Kind.MERGE) as act:
            for id_ in sorted((source_id, target_id)):
                await _locked(act, entity, id_)
            if entity is Entity.PROJECT:
                return await _merge_project(act, source_id, target_id)
            moved = 0
            for pair in await act.fetch(_SAME_NAMED, source=source_id, target=target_id):
                if pair.target is not None:
                    moved += await _merge_project(act, pair.source, pair.target)
                else:
                    moved += await _move_project(act, pair.source, target_id)
            return moved + await _absorb(act, Entity.CLIENT, source_id, target_id)

    async def move_project(self, project_id: str, client_id: str | None) -> int:
        async with self._act() as act:
            before = await _locked(act, Entity.PROJECT, project_id)
            await self._refuse_project(act, str(before["name"]), client_id)
            return await _move_project(act, project_id, client_id)

    async def delete_unused(self, entity: Entity, entity_id: str) -> None:
        async with self._act() as act:
            before = await _locked(act, entity, entity_id)
            owned = ["work_sessions", "projects"] if entity is Entity.CLIENT else ["work_sessions"]
            for table in owned:
                rows = await act.fetch(
                    f"SELECT 1 FROM public.{table} WHERE {_COLUMN[entity]} = CAST(:id AS uuid) LIMIT 1", id=entity_id
                )
                if rows:
                    what = "sessions" if table == "work_sessions" else "projects"
                    raise Conflict(f"{entity} «{before['name']}» still has {what}: move or merge them first", before)
            await act.fetch(f"DELETE FROM public.{_TABLE[entity]} WHERE id = CAST(:id AS uuid)", id=entity_id)
            act.note(entity, entity_id, {"row": before}, None, f"deleted {entity} «{before['name']}»")

    async def _refuse_project(self, act: Act, name: str, client_id: object) -> None:
        if await act.fetch(_PROJECT_OF_NAME, name=storable(name), client_id=client_id):
            raise Conflict(f"the client has a project «{name}» already: merge the two instead", current=None)

    async def _totals(self, entity: Entity) -> dict[str | None, Any]:
        rows = await self._read(_TOTALS.format(column=_COLUMN[entity]))
        return {row.id: row for row in rows}


@dataclass(frozen=True, slots=True)
class _Nothing:
    """The total of what was never worked on."""

    minutes: int = 0
    sessions: int = 0
    last: None = None


def _with_idle(totals: Mapping[str | None, Any], listed: Mapping[str, object]) -> dict[str | None, Any]:
    """A total for everything that is listed, then the one of the sessions without, if there are some."""
    shown: dict[str | None, Any] = {id_: totals.get(id_, _Nothing()) for id_ in listed}
    return shown | ({None: totals[None]} if None in totals else {})


async def _locked(act: Act, entity: Entity, entity_id: str) -> dict[str, Any]:
    table = _TABLE[entity]
    rows = await act.fetch(
        f"SELECT to_jsonb(t) AS row FROM public.{table} t WHERE id = CAST(:id AS uuid) FOR UPDATE", id=entity_id
    )
    if not rows:
        raise NotFound(f"no {entity} has the id {entity_id}")
    return dict(rows[0].row)


async def _absorb(act: Act, entity: Entity, source_id: str, target_id: str, **more: object) -> int:
    """Points the sessions of the source to the target and deletes the source; gives how many sessions."""
    before, target = [await _locked(act, entity, id_) for id_ in (source_id, target_id)]
    moved = await act.fetch(
        f"UPDATE public.work_sessions SET {_COLUMN[entity]} = CAST(:target AS uuid) "
        f"WHERE {_COLUMN[entity]} = CAST(:source AS uuid) RETURNING id::text AS id",
        source=source_id,
        target=target_id,
    )
    await act.fetch(f"DELETE FROM public.{_TABLE[entity]} WHERE id = CAST(:id AS uuid)", id=source_id)
    state = {"row": before, "sessions": [row.id for row in moved], "into": target_id, **more}
    act.note(entity, source_id, state, None, f"merged {entity} «{before['name']}» into «{target['name']}»")
    return len(moved)


async def _merge_project(act: Act, source_id: str, target_id: str) -> int:
    """Sessions of the source's client go to the target's client along with their project."""
    source, target = [await _locked(act, Entity.PROJECT, id_) for id_ in (source_id, target_id)]
    changed = await _to_client(act, source_id, source["client_id"], target["client_id"])
    more = {"client_sessions": changed, "client_into": target["client_id"]}
    return await _absorb(act, Entity.PROJECT, source_id, target_id, **more)


async def _move_project(act: Act, project_id: str, client_id: str | None) -> int:
    before = await _locked(act, Entity.PROJECT, project_id)
    changed = await _to_client(act, project_id, before["client_id"], client_id)
    (after,) = await act.fetch(
        "UPDATE public.projects SET client_id = CAST(:client AS uuid) WHERE id = CAST(:id AS uuid) "
        "RETURNING to_jsonb(projects) AS row",
        id=project_id,
        client=client_id,
    )
    state = {"row": before, "client_sessions": changed, "client_into": client_id}
    act.note(Entity.PROJECT, project_id, state, {"row": after.row}, f"moved project «{before['name']}»")
    return len(changed)


async def _to_client(act: Act, project_id: str, old: object, new: object) -> list[str]:
    """Ids of the project's sessions that followed it from one client to another; those of third clients stay."""
    rows = await act.fetch(
        "UPDATE public.work_sessions SET client_id = CAST(:new AS uuid) WHERE project_id = CAST(:id AS uuid) "
        "AND client_id IS NOT DISTINCT FROM CAST(:old AS uuid) AND client_id IS DISTINCT FROM CAST(:new AS uuid) "
        "RETURNING id::text AS id",
        id=project_id,
        old=old,
        new=new,
    )
    return [row.id for row in rows]


def _project(row: Any) -> Project:
    return Project(row.id, row.name, row.client_id, row.client, row.repo, row.metadata or {})
