"""Clients and projects: listed with what was worked, made, found by name, renamed, merged, moved, deleted.

The history of a merge or move lists the moved sessions by id, so that an undo finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.errors import Billed, Conflict, NotFound
from services.model import Entity, Kind, counted
from services.ports import SqlDatabase
from services.records.columns import BILLED, storable, storable_json
from services.records.unit_of_work import UnitOfWork, unit_of_work
from services.settings import Settings
from services.work.name_rules import checked_name
from services.work.report_values import Client, ClientTotal, Project, ProjectTotal

_TABLE: Mapping[Entity, str] = {Entity.CLIENT: "clients", Entity.PROJECT: "projects"}
_COLUMN: Mapping[Entity, str] = {Entity.CLIENT: "client_id", Entity.PROJECT: "project_id"}
_CLIENTS = """
SELECT id::text AS id, name, metadata, (row_number() OVER (ORDER BY created_at, id) - 1)::int AS number
FROM public.clients ORDER BY lower(name), name
"""
_PROJECTS = """
SELECT project.id::text AS id, project.name, project.client_id::text AS client_id, client.name AS client, project.repo,
       project.metadata, (row_number() OVER (ORDER BY project.created_at, project.id) - 1)::int AS number
FROM public.projects project LEFT JOIN public.clients client ON client.id = project.client_id
ORDER BY lower(project.name), client.name, project.id
"""
_TOTALS = """
SELECT id, COALESCE(sum(duration_minutes) FILTER (WHERE completed), 0)::bigint AS minutes,
       count(*) FILTER (WHERE completed) AS sessions, count(*) FILTER (WHERE NOT completed) AS open,
       max(start_time) FILTER (WHERE completed) AS last
FROM (SELECT {column}::text AS id, duration_minutes, start_time, status = 'completed' AS completed
      FROM public.work_sessions) AS session
GROUP BY 1
"""
_NEW_CLIENT = "INSERT INTO public.clients (name) VALUES (:name) RETURNING id::text AS id, to_jsonb(clients) AS row"
_NEW_PROJECT = """
INSERT INTO public.projects (name, client_id, repo) VALUES (:name, CAST(:client_id AS uuid), :repo)
RETURNING id::text AS id, to_jsonb(projects) AS row
"""
_SAME_NAMED = """
SELECT source.id::text AS source, (
    SELECT target.id::text FROM public.projects target
    WHERE target.client_id = CAST(:target AS uuid) AND lower(target.name) = lower(source.name)
    ORDER BY target.name <> source.name, target.created_at, target.id LIMIT 1) AS target
FROM public.projects source WHERE source.client_id = CAST(:source AS uuid) ORDER BY source.id
"""
_ADD_CLIENT = """
INSERT INTO public.clients (name) VALUES (:name) ON CONFLICT (name) DO NOTHING
RETURNING id::text AS id, to_jsonb(clients) AS row
"""
_ADD_PROJECT = """
INSERT INTO public.projects (client_id, name) VALUES (CAST(:client_id AS uuid), :name)
ON CONFLICT (client_id, name) DO NOTHING
RETURNING id::text AS id, to_jsonb(projects) AS row
"""
_TAKE_NAME = """
SELECT pg_advisory_xact_lock(hashtextextended('memoria_tui.names ' || :kind || ' ' || lower(CAST(:name AS text)), 0))
"""
"""For what is given a new name: two programs would each find that nobody has it, in another case of letters."""
_NAMED_CLIENT = """
SELECT id::text AS id, name FROM public.clients
WHERE lower(name) = lower(:name) ORDER BY name <> :name, created_at, id LIMIT 1 FOR KEY SHARE
"""
"""In any case of letters, as written first. Locked: until the transaction ends, no other program deletes it."""
_NAMED_PROJECT = """
SELECT id::text AS id, name FROM public.projects
WHERE lower(name) = lower(:name) AND client_id IS NOT DISTINCT FROM CAST(:client_id AS uuid)
ORDER BY name <> :name, created_at, id LIMIT 1 FOR KEY SHARE
"""

MetadataChange = Callable[[Mapping[str, object]], Mapping[str, object]]
"""Gives the new metadata for those that stand there, locked; raises to write nothing."""

_BILLED_OF = f"""
SELECT count(*) AS number FROM public.work_sessions session
WHERE {{entity}}_id = CAST(:id AS uuid) AND to_jsonb(session) ->> '{BILLED}' IS NOT NULL
"""
"""The column may be missing in a database that was not upgraded."""


class ClientsAndProjects:
    """`clients` and `projects`. Every write locks what it reads, and writes its history in the same transaction."""

    def __init__(self, database: SqlDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def clients(self) -> list[Client]:
        rows = await self._database.fetch(_CLIENTS)
        return [Client(row.id, row.name, row.metadata or {}, row.number) for row in rows]

    async def projects(self) -> list[Project]:
        return [_project(row) for row in await self._database.fetch(_PROJECTS)]

    async def client_totals(self) -> list[ClientTotal]:
        totals = await self._totals(Entity.CLIENT)
        owners = [project.client_id for project in await self.projects()]
        listed = {client.id: client for client in await self.clients()}
        return [
            ClientTotal(listed[id_] if id_ else None, row.minutes, row.sessions, row.open, owners.count(id_), row.last)
            for id_, row in _with_idle(totals, listed).items()
        ]

    async def project_totals(self) -> list[ProjectTotal]:
        listed = {project.id: project for project in await self.projects()}
        totals = await self._totals(Entity.PROJECT)
        return [
            ProjectTotal(listed[id_] if id_ else None, row.minutes, row.sessions, row.open, row.last)
            for id_, row in _with_idle(totals, listed).items()
        ]

    async def create_client(self, name: str) -> Client:
        """Raises Conflict when there is one of that name, in any case of letters."""
        async with unit_of_work(self._database, self._settings) as unit:
            await _refuse_client(unit, name)
            (row,) = await unit.fetch(_NEW_CLIENT, name=storable(name))
            unit.record_change(Entity.CLIENT, row.id, None, {"row": row.row}, f'new client "{name}"')
            return Client(row.id, row.row["name"], row.row["metadata"] or {})

    async def create_project(self, name: str, client_id: str | None, repo: str | None) -> Project:
        """Raises Conflict when the client has one of that name, in any case of letters."""
        async with unit_of_work(self._database, self._settings) as unit:
            await _refuse_project(unit, name, client_id)
            (row,) = await unit.fetch(_NEW_PROJECT, name=storable(name), client_id=client_id, repo=repo)
            unit.record_change(Entity.PROJECT, row.id, None, {"row": row.row}, f'new project "{name}"')
        return next(project for project in await self.projects() if project.id == row.id)

    async def rename(self, entity: Entity, entity_id: str, name: str) -> None:
        """Raises Conflict when the name is taken, NotFound."""
        async with unit_of_work(self._database, self._settings) as unit:
            before = await _locked(unit, entity, entity_id)
            if entity is Entity.PROJECT:
                await _refuse_project(unit, name, before["client_id"], but=entity_id)
            else:
                await _refuse_client(unit, name, but=entity_id)
            summary = f'renamed {entity} "{before["name"]}" to "{name}"'
            await _set(unit, entity, {"row": before}, "name = :value", storable(name), summary)

    async def change_metadata(self, entity: Entity, entity_id: str, change: MetadataChange, what: str) -> bool:
        """Changes the metadata of a client or project; `what` of it, for the history. False: it was so already.

        Raises NotFound.
        """
        async with unit_of_work(self._database, self._settings) as unit:
            before = await _locked(unit, entity, entity_id)
            changed = change(before["metadata"] or {})
            if changed == (before["metadata"] or {}):
                return False
            summary = f'changed {what} of {entity} "{before["name"]}"'
            metadata = storable_json(changed)
            await _set(unit, entity, {"row": before}, "metadata = CAST(:value AS jsonb)", metadata, summary)
            return True

    async def merge(self, entity: Entity, source_id: str, target_id: str, *, billed_too: bool) -> int:
        """Moves sessions (and projects, by name) to the target, deletes the source; gives how many sessions moved.

        Raises Billed where some of them were billed, unless `billed_too`.
        """
        if source_id == target_id:
            raise Conflict(f"a {entity} cannot be merged with itself", current=None)
        async with unit_of_work(self._database, self._settings, Kind.MERGE) as unit:
            for id_ in sorted((source_id, target_id)):
                await _locked(unit, entity, id_)
            await _check_billed(unit, entity, source_id, billed_too=billed_too)
            if entity is Entity.PROJECT:
                return await _merge_project(unit, source_id, target_id)
            moved = 0
            for pair in await unit.fetch(_SAME_NAMED, source=source_id, target=target_id):
                if pair.target is not None:
                    moved += await _merge_project(unit, pair.source, pair.target)
                else:
                    moved += await _move_project(unit, pair.source, target_id)
            return moved + await _absorb(unit, Entity.CLIENT, source_id, target_id)

    async def move_project(self, project_id: str, client_id: str | None, *, billed_too: bool) -> int:
        """Gives a project with its sessions to another client; says how many sessions that were.

        Raises Conflict, and Billed where some of them were billed, unless `billed_too`.
        """
        async with unit_of_work(self._database, self._settings) as unit:
            before = await _locked(unit, Entity.PROJECT, project_id)
            if before["client_id"] != client_id:
                await _check_billed(unit, Entity.PROJECT, project_id, billed_too=billed_too)
            await _refuse_project(unit, str(before["name"]), client_id, but=project_id)
            return await _move_project(unit, project_id, client_id)

    async def delete_unused(self, entity: Entity, entity_id: str) -> None:
        """Raises Conflict while sessions (of a client: or projects) belong to it."""
        async with unit_of_work(self._database, self._settings) as unit:
            before = await _locked(unit, entity, entity_id)
            owned = ["work_sessions", "projects"] if entity is Entity.CLIENT else ["work_sessions"]
            for table in owned:
                rows = await unit.fetch(
                    f"SELECT 1 FROM public.{table} WHERE {_COLUMN[entity]} = CAST(:id AS uuid) LIMIT 1", id=entity_id
                )
                if rows:
                    what = "sessions" if table == "work_sessions" else "projects"
                    raise Conflict(f'{entity} "{before["name"]}" still has {what}: move or merge them first', before)
            await unit.fetch(f"DELETE FROM public.{_TABLE[entity]} WHERE id = CAST(:id AS uuid)", id=entity_id)
            unit.record_change(entity, entity_id, {"row": before}, None, f'deleted {entity} "{before["name"]}"')

    async def _totals(self, entity: Entity) -> dict[str | None, Any]:
        rows = await self._database.fetch(_TOTALS.format(column=_COLUMN[entity]))
        return {row.id: row for row in rows}


async def _check_billed(unit: UnitOfWork, entity: Entity, entity_id: str, *, billed_too: bool) -> None:
    billed = (await unit.fetch(_BILLED_OF.format(entity=entity), id=entity_id))[0].number
    if billed and not billed_too:
        raise Billed(f"{counted(billed, 'session')} of it were billed", current=None)


async def _refuse_client(unit: UnitOfWork, name: str, *, but: str = "") -> None:
    """Raises Conflict when a client other than `but` (id) has that name."""
    await unit.fetch(_TAKE_NAME, kind="client", name=storable(name))
    _refuse(name, await unit.fetch(_NAMED_CLIENT, name=storable(name)), "there is a client", but)


async def _refuse_project(unit: UnitOfWork, name: str, client: object, *, but: str = "") -> None:
    """Raises Conflict when a project of that client (id) other than `but` (id) has that name."""
    await unit.fetch(_TAKE_NAME, kind="project", name=storable(name))
    found = await unit.fetch(_NAMED_PROJECT, name=storable(name), client_id=client)
    _refuse(name, found, "the client has a project" if client else "there is a project", but)


def _refuse(name: str, found: Sequence[Any], taken: str, but: str) -> None:
    """Only the case of its own name may be changed; where a store has both spellings, `found` begins with `name`."""
    if found and (found[0].id != but or found[0].name == name):
        way_out = ": merge the two instead" if but else "; upper and lower case are one"
        raise Conflict(f'{taken} "{found[0].name}" already{way_out}', current=None)


async def client_id(unit: UnitOfWork, name: str | None) -> str | None:
    """The client of that name; made when there is none. Raises InvalidInput for what cannot be a name."""
    return await _found_or_made(unit, Entity.CLIENT, name)


async def project_id(unit: UnitOfWork, client: str | None, name: str | None) -> str | None:
    """The project of that name of this client (id; None: without client); made when there is none."""
    return await _found_or_made(unit, Entity.PROJECT, name, client_id=client)


async def _found_or_made(unit: UnitOfWork, entity: Entity, name: str | None, **owner: object) -> str | None:
    if not name:
        return None
    find, add = (_NAMED_CLIENT, _ADD_CLIENT) if entity is Entity.CLIENT else (_NAMED_PROJECT, _ADD_PROJECT)
    known = {"name": storable(name), **owner}
    if found := await unit.fetch(find, **known):
        return str(found[0].id)
    checked_name(name)
    await unit.fetch(_TAKE_NAME, kind="project" if "client_id" in known else "client", name=storable(name))
    if found := await unit.fetch(find, **known):
        return str(found[0].id)
    if made := await unit.fetch(add, **known):
        unit.record_change(entity, made[0].id, None, {"row": made[0].row}, f'new {entity} "{name}"')
        return str(made[0].id)
    (found_now,) = await unit.fetch(find, **known)  # another program made it at the same moment
    return str(found_now.id)


@dataclass(frozen=True, slots=True)
class _Nothing:
    """The total of what was never worked on."""

    minutes: int = 0
    sessions: int = 0
    open: int = 0
    last: None = None


def _with_idle(totals: Mapping[str | None, Any], listed: Mapping[str, object]) -> dict[str | None, Any]:
    """A total for everything that is listed, then the one of the sessions without, if there are some."""
    shown: dict[str | None, Any] = {id_: totals.get(id_, _Nothing()) for id_ in listed}
    return shown | ({None: totals[None]} if None in totals else {})


async def _locked(unit: UnitOfWork, entity: Entity, entity_id: str) -> dict[str, Any]:
    rows = await unit.fetch(
        f"SELECT to_jsonb(t) AS row FROM public.{_TABLE[entity]} t WHERE id = CAST(:id AS uuid) FOR UPDATE",
        id=entity_id,
    )
    if not rows:
        raise NotFound(f"no {entity} has the id {entity_id}")
    return dict(rows[0].row)


async def _set(
    unit: UnitOfWork, entity: Entity, state: Mapping[str, Any], column: str, value: object, summary: str
) -> None:
    """Sets a column of the row in a state to `:value`."""
    table, id_ = _TABLE[entity], str(state["row"]["id"])
    (after,) = await unit.fetch(
        f"UPDATE public.{table} SET {column} WHERE id = CAST(:id AS uuid) RETURNING to_jsonb({table}) AS row",
        id=id_,
        value=value,
    )
    unit.record_change(entity, id_, state, {"row": after.row}, summary)


async def _absorb(unit: UnitOfWork, entity: Entity, source_id: str, target_id: str, **more: object) -> int:
    """Points the sessions of the source to the target and deletes the source; gives how many sessions."""
    before, target = [await _locked(unit, entity, id_) for id_ in (source_id, target_id)]
    moved = await unit.fetch(
        f"UPDATE public.work_sessions SET {_COLUMN[entity]} = CAST(:target AS uuid) "
        f"WHERE {_COLUMN[entity]} = CAST(:source AS uuid) RETURNING id::text AS id",
        source=source_id,
        target=target_id,
    )
    await unit.fetch(f"DELETE FROM public.{_TABLE[entity]} WHERE id = CAST(:id AS uuid)", id=source_id)
    state = {"row": before, "sessions": [row.id for row in moved], "into": target_id, **more}
    unit.record_change(entity, source_id, state, None, f'merged {entity} "{before["name"]}" into "{target["name"]}"')
    return len(moved)


async def _merge_project(unit: UnitOfWork, source_id: str, target_id: str) -> int:
    """Sessions of the source's client go to the target's client along with their project."""
    source, target = [await _locked(unit, Entity.PROJECT, id_) for id_ in (source_id, target_id)]
    changed = await _to_client(unit, source_id, source["client_id"], target["client_id"])
    more = {"client_sessions": changed, "client_into": target["client_id"]}
    return await _absorb(unit, Entity.PROJECT, source_id, target_id, **more)


async def _move_project(unit: UnitOfWork, project_id: str, client_id: str | None) -> int:
    before = await _locked(unit, Entity.PROJECT, project_id)
    changed = await _to_client(unit, project_id, before["client_id"], client_id)
    state = {"row": before, "client_sessions": changed, "client_into": client_id}
    summary = f'moved project "{before["name"]}"'
    await _set(unit, Entity.PROJECT, state, "client_id = CAST(:value AS uuid)", client_id, summary)
    return len(changed)


async def _to_client(unit: UnitOfWork, project_id: str, old: object, new: object) -> list[str]:
    """Ids of the project's sessions that followed it from one client to another; those of third clients stay."""
    rows = await unit.fetch(
        "UPDATE public.work_sessions SET client_id = CAST(:new AS uuid) WHERE project_id = CAST(:id AS uuid) "
        "AND client_id IS NOT DISTINCT FROM CAST(:old AS uuid) AND client_id IS DISTINCT FROM CAST(:new AS uuid) "
        "RETURNING id::text AS id",
        id=project_id,
        old=old,
        new=new,
    )
    return [row.id for row in rows]


def _project(row: Any) -> Project:
    return Project(row.id, row.name, row.client_id, row.client, row.repo, row.metadata or {}, row.number)
