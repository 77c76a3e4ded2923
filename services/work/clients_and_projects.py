"""Clients and projects: made, renamed, merged, moved, deleted, and what was worked for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from services.errors import Ambiguous, NotFound
from services.model import Entity
from services.records import Records
from services.storable_text import quoted
from services.unknown_names import instead
from services.work.name_rules import checked_name
from services.work.report_values import Client, ClientTotal, Project, ProjectTotal

Named = TypeVar("Named", Client, Project)


class ClientService:
    """Clients and projects by name. A project is named with its client where several share its name: `acme / api`."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def clients(self) -> tuple[ClientTotal, ...]:
        """All clients with their totals, then what has none, if anything."""
        return tuple(await self._records.clients.client_totals())

    async def projects(self) -> tuple[ProjectTotal, ...]:
        """All projects with their totals, then what has none, if anything."""
        return tuple(await self._records.clients.project_totals())

    async def client(self, name: str) -> Client:
        """By name or id, see `_matching`. Raises NotFound."""
        known: Mapping[tuple[str, ...], Client] = {
            (client.name, client.id): client for client in await self._records.clients.clients()
        }
        if not (found := _matching(name, known)):
            raise _unknown("client", name, known.values())
        return found[0]

    async def project(self, name: str) -> Project:
        """By name, «client / name» or id. Raises NotFound, or Ambiguous when several clients have one of that name."""
        known: Mapping[tuple[str, ...], Project] = {
            (one.name, one.id, _full_name(one)): one for one in await self._records.clients.projects()
        }
        if not (found := _matching(name, known)):
            raise _unknown("project", name, known.values())
        if len(found) > 1:
            full_names = ", ".join(f'"{_full_name(one)}"' for one in found)
            raise Ambiguous(f"several projects are called {quoted(name)}: {full_names}")
        return found[0]

    async def owner(self, project: str) -> str | None:
        """Name of the client of the only project of that name; None where there is none, or not one only."""
        try:
            return (await self.project(project)).client
        except (NotFound, Ambiguous):
            return None

    async def create_client(self, name: str) -> Client:
        """Raises InvalidInput for an empty name, Conflict for one that is taken."""
        return await self._records.clients.create_client(checked_name(name))

    async def create_project(self, name: str, client: str | None = None, repo: str | None = None) -> Project:
        """Raises as `create_client`, NotFound for an unknown client."""
        owner = (await self.client(client)).id if client else None
        return await self._records.clients.create_project(checked_name(name), owner, repo or None)

    async def rename(self, kind: Entity, name: str, new_name: str) -> None:
        """A client or a project. Raises NotFound, Ambiguous, InvalidInput, or Conflict when the name is taken."""
        await self._records.clients.rename(kind, await self._id(kind, name), checked_name(new_name))

    async def merge(self, kind: Entity, source: str, target: str, *, billed_too: bool = False) -> int:
        """Every session of `source` becomes one of `target`; gives how many moved.

        Of a client its projects go along, of which those of one name become one; of a project its sessions change their
        client with it. Raises Billed where some of its sessions were billed, unless `billed_too`.
        """
        source_id, target_id = await self._id(kind, source), await self._id(kind, target)
        return await self._records.clients.merge(kind, source_id, target_id, billed_too=billed_too)

    async def move_project(self, name: str, client: str | None, *, billed_too: bool = False) -> int:
        """Gives a project to another client, or to none; gives how many sessions changed their client with it.

        Raises Billed where some of its sessions were billed, unless `billed_too`.
        """
        owner, project = (await self.client(client)).id if client else None, await self.project(name)
        return await self._records.clients.move_project(project.id, owner, billed_too=billed_too)

    async def delete(self, kind: Entity, name: str) -> None:
        """Raises Conflict while it has sessions, a client also while it has projects."""
        await self._records.clients.delete_unused(kind, await self._id(kind, name))

    async def _id(self, kind: Entity, name: str) -> str:
        return (await (self.project(name) if kind is Entity.PROJECT else self.client(name))).id


def _unknown(what: str, name: str, known: Iterable[Client | Project]) -> NotFound:
    names = list(dict.fromkeys(one.name for one in known))
    return NotFound(f"no {what} is called {quoted(name)}; {instead(name, names)}")


def _full_name(project: Project) -> str:
    return f"{project.client or 'no client'} / {project.name}"


def _matching(name: str, known: Mapping[tuple[str, ...], Named]) -> list[Named]:
    """What has that name (keys: all names of one), as it is written; else in any case of letters."""
    wanted = name.strip()
    return [one for names, one in known.items() if wanted in names] or [
        one for names, one in known.items() if wanted.lower() in map(str.lower, names)
    ]
