"""Commands about clients and projects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from memoria_tui.cli.table import rows
from memoria_tui.cli.terminal import Terminal
from memoria_tui.cli.work import REFRESH
from services.work.model import ClientTotal, ProjectTotal, ReportBy
from services.work.report_export import clock

if TYPE_CHECKING:
    from services.container import Services
    from services.work.clients import ClientService

_HEAD = ("TIME", "SESSIONS", "LAST")
_RULE = "TIME is exact, of completed sessions; MCP Memoria counts whole minutes of each"


def list_clients(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> tuple[tuple[ClientTotal, ...], Mapping[str | None, float]]:
        return await services.clients.clients(), await services.reports.worked(ReportBy.CLIENT)

    totals, worked = terminal.run(act)
    if as_json:
        listed = [
            {
                "id": one.client and one.client.id,
                "name": one.client and one.client.name,
                "seconds": worked.get(one.client.id if one.client else None, 0.0),
                "minutes": one.minutes,
                "sessions": one.sessions,
                "projects": one.projects,
                "last": one.last and one.last.isoformat(),
            }
            for one in totals
        ]
        terminal.print_json({"clients": listed})
        return 0
    table = [
        (
            one.client.name if one.client else "no client",
            *_total(terminal, worked.get(one.client.id if one.client else None, 0.0), one.sessions, one.last),
        )
        for one in totals
    ]
    return _print(terminal, ("CLIENT", *_HEAD), table, "no clients yet")


def list_projects(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> tuple[tuple[ProjectTotal, ...], Mapping[str | None, float]]:
        return await services.clients.projects(), await services.reports.worked(ReportBy.PROJECT)

    totals, worked = terminal.run(act)
    if as_json:
        listed = [
            {
                "id": one.project and one.project.id,
                "name": one.project and one.project.name,
                "client": one.project and one.project.client,
                "repo": one.project and one.project.repo,
                "seconds": worked.get(one.project.id if one.project else None, 0.0),
                "minutes": one.minutes,
                "sessions": one.sessions,
                "last": one.last and one.last.isoformat(),
            }
            for one in totals
        ]
        terminal.print_json({"projects": listed})
        return 0
    table = [
        (
            one.project.name if one.project else "no project",
            (one.project and one.project.client) or "",
            *_total(terminal, worked.get(one.project.id if one.project else None, 0.0), one.sessions, one.last),
        )
        for one in totals
    ]
    return _print(terminal, ("PROJECT", "CLIENT", *_HEAD), table, "no projects yet")


def create_client(terminal: Terminal, name: str, *, as_json: bool) -> int:
    made = terminal.run(lambda services: services.clients.create_client(name))
    if as_json:
        terminal.print_json({"id": made.id, "name": made.name})
        return 0
    return _say(terminal, f"made the client {made.name}")


def create_project(terminal: Terminal, name: str, client: str | None, repo: str | None, *, as_json: bool) -> int:
    made = terminal.run(lambda services: services.clients.create_project(name, client, repo))
    if as_json:
        terminal.print_json({"id": made.id, "name": made.name, "client": made.client, "repo": made.repo})
        return 0
    return _say(terminal, f"made the project {made.name}")


def rename_client(terminal: Terminal, name: str, new: str) -> int:
    return _change(terminal, lambda known: known.rename_client(name, new), f"{name} is called {new} now")


def rename_project(terminal: Terminal, name: str, new: str) -> int:
    return _change(terminal, lambda known: known.rename_project(name, new), f"{name} is called {new} now")


def merge_clients(terminal: Terminal, name: str, into: str) -> int:
    return _change(terminal, lambda known: known.merge_clients(name, into), f"{name} is part of {into} now")


def merge_projects(terminal: Terminal, name: str, into: str) -> int:
    return _change(terminal, lambda known: known.merge_projects(name, into), f"{name} is part of {into} now")


def move_project(terminal: Terminal, name: str, client: str) -> int:
    told = f"{name} belongs to {client or 'no client'} now"
    return _change(terminal, lambda known: known.move_project(name, client or None), told)


def delete_client(terminal: Terminal, name: str) -> int:
    return _change(terminal, lambda known: known.delete_client(name), f"deleted {name}")


def delete_project(terminal: Terminal, name: str) -> int:
    return _change(terminal, lambda known: known.delete_project(name), f"deleted {name}")


def _change(terminal: Terminal, act: Callable[[ClientService], Awaitable[int | None]], told: str) -> int:
    moved = terminal.run(lambda services: act(services.clients))
    terminal.leave_behind(*REFRESH)
    sessions = f" · {moved:,} session{'' if moved == 1 else 's'} moved" if moved is not None else ""
    return _say(terminal, f"{told}{sessions} · undo with: memoria-tui undo")


def _say(terminal: Terminal, text: str) -> int:
    terminal.print_text(text)
    return 0


def _total(terminal: Terminal, seconds: float, sessions: int, last: datetime | None) -> tuple[str, str, str]:
    return clock(seconds), f"{sessions:,}", terminal.local(last)[:10] if last else ""


def _print(terminal: Terminal, head: tuple[str, ...], table: Sequence[tuple[str, ...]], nothing: str) -> int:
    for row in rows(head, table, right={"TIME", "SESSIONS"}):
        terminal.print(row)
    terminal.print(_RULE if table else nothing)
    return 0
