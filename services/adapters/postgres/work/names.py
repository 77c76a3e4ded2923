"""Clients and projects by name, inside an act: found whatever their case, or made on the fly."""

from __future__ import annotations

from services.adapters.postgres.records.text import storable
from services.adapters.postgres.work.base import Act
from services.model import Entity

_NEW_CLIENT = """
INSERT INTO public.clients (name) VALUES (:name) ON CONFLICT (name) DO NOTHING
RETURNING id::text AS id, to_jsonb(clients) AS row
"""
_NEW_PROJECT = """
INSERT INTO public.projects (client_id, name) VALUES (CAST(:client_id AS uuid), :name)
ON CONFLICT (client_id, name) DO NOTHING
RETURNING id::text AS id, to_jsonb(projects) AS row
"""
_CLIENT = """
SELECT id::text AS id FROM public.clients
WHERE lower(name) = lower(:name) ORDER BY name <> :name, created_at, id LIMIT 1 FOR KEY SHARE
"""
"""Locked: until the act ends, no other program deletes it."""
_PROJECT = """
SELECT id::text AS id FROM public.projects
WHERE lower(name) = lower(:name) AND client_id IS NOT DISTINCT FROM CAST(:client_id AS uuid)
ORDER BY name <> :name, created_at, id LIMIT 1 FOR KEY SHARE
"""


async def client_id(act: Act, name: str | None) -> str | None:
    """The client of that name; made when there is none."""
    if not name:
        return None
    known = {"name": storable(name)}
    if found := await act.fetch(_CLIENT, **known):
        return str(found[0].id)
    if made := await act.fetch(_NEW_CLIENT, **known):
        act.note(Entity.CLIENT, made[0].id, None, {"row": made[0].row}, f"new client «{name}»")
        return str(made[0].id)
    (found_now,) = await act.fetch(_CLIENT, **known)
    return str(found_now.id)


async def project_id(act: Act, client: str | None, name: str | None) -> str | None:
    """The project of that name of this client (id; None: without client); made when there is none."""
    if not name:
        return None
    known = {"client_id": client, "name": storable(name)}
    if found := await act.fetch(_PROJECT, **known):
        return str(found[0].id)
    if made := await act.fetch(_NEW_PROJECT, **known):
        act.note(Entity.PROJECT, made[0].id, None, {"row": made[0].row}, f"new project «{name}»")
        return str(made[0].id)
    (found_now,) = await act.fetch(_PROJECT, **known)
    return str(found_now.id)
