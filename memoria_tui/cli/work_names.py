"""Commands about clients and projects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from memoria_tui.cli.table import rows
from memoria_tui.cli.terminal import Terminal
from memoria_tui.cli.work import REFRESH

if TYPE_CHECKING:
    from services.work.clients import ClientService

_HEAD = ("HOURS", "SESSIONS", "LAST")


def list_clients(terminal: Terminal, *, as_json: bool) -> int:
    totals = terminal.run(lambda services: services.clients.clients())
    if as_json:
        listed = [
            {
                "id": one.client and one.client.id,
                "name": one.client and one.client.name,
                "seconds": one.minutes * 60,
                "sessions": one.sessions,
                "projects": one.projects,
                "last": one.last and one.last.isoformat(),
            }
            for one in totals
        ]
        terminal.print_json({"clients": listed})
        return 0
    table = [
        (one.client.name if one.client else "no client", *_total(terminal, one.minutes, one.sessions, one.last))
        for one in totals
    ]
    return _print(terminal, ("CLIENT", *_HEAD), table, "no clients yet")


def list_projects(terminal: Terminal, *, as_json: bool) -> int:
    totals = terminal.run(lambda services: services.clients.projects())
    if as_json:
        listed = [
            {
                "id": one.project and one.project.id,
                "name": one.project and one.project.name,
                "client": one.project and one.project.client,
                "repo": one.project and one.project.repo,
                "seconds": one.minutes * 60,
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
            *_total(terminal, one.minutes, one.sessions, one.last),
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


def _total(terminal: Terminal, minutes: int, sessions: int, last: datetime | None) -> tuple[str, str, str]:
    return f"{minutes // 60}:{minutes % 60:02}", f"{sessions:,}", terminal.local(last)[:10] if last else ""


def _print(terminal: Terminal, head: tuple[str, ...], table: Sequence[tuple[str, ...]], nothing: str) -> int:
    for row in rows(head, table, right={"HOURS", "SESSIONS"}):
        terminal.print(row)
    if not table:
        terminal.print(nothing)
    return 0
