"""What the shell completes: ids, tags, projects, clients, views. Whatever goes wrong, it offers nothing.

What is offered comes from memories, which anybody may have written, and shells evaluate some of it: a value
with more than letters, digits, spaces and `-_.@+/` is not offered, and of a title only these and commas are shown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from memoria_tui.command_server.client import COMPLETING

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

Offered = list[tuple[str, str]]
Complete = Callable[[typer.Context, str], Offered]
"""Takes what was typed of a value; gives those that begin so, with what is said of them."""

_PATIENCE = 3.0
"""Seconds that a person waits for it at most: the stores may have to be started."""
_MOST = 50
_WIDEST = 60
_OFFERED = re.compile(r"\w[\w .@+/-]*")
_NOT_SHOWN = re.compile(r"[^\w ,.@+/-]+")


def _completes(values: Callable[[Services, str], Awaitable[Iterable[tuple[str, str]]]]) -> Complete:
    def complete(ctx: typer.Context, incomplete: str) -> Offered:
        with suppress(Exception):
            terminal = _terminal(ctx)
            settings = terminal.settings
            if not (settings.database_url or settings.home.exists()):
                return []  # pressing tab makes no store
            found = asyncio.run(_read(terminal, lambda services: values(services, incomplete)))
            return _offered(found, incomplete, quoted=_is_bash(terminal))
        return []

    return complete


def _terminal(context: typer.Context) -> Terminal:
    """With the stores that the command line names; its own options were not taken from the process's arguments."""
    from memoria_tui.cli.with_services import terminal_of

    terminal, given = terminal_of(context), context.find_root().params
    home, demo = given.get("home"), given.get("demo")
    variables = ({"MEMORIA_HOME": home} if home else {}) | ({"MEMORIA_DEMO": "true"} if demo else {})
    return terminal.with_variables(variables) if variables else terminal


def _is_bash(terminal: Terminal) -> bool:
    """Whether what is offered is put into the line as it is."""
    return terminal.environment.get(COMPLETING, "").endswith("bash")


async def _read(
    terminal: Terminal, values: Callable[[Services], Awaitable[Iterable[tuple[str, str]]]]
) -> Iterable[tuple[str, str]]:
    from services.container import open_services

    async with asyncio.timeout(_PATIENCE), (terminal.open_services or open_services)(terminal.settings) as services:
        return await values(services)


def _offered(found: Iterable[tuple[str, str]], begun: str, *, quoted: bool) -> Offered:
    fitting = [
        (value.replace(" ", "\\ ") if quoted else value, " ".join(_NOT_SHOWN.sub(" ", about).split())[:_WIDEST])
        for value, about in found
        if value.startswith(begun) and _OFFERED.fullmatch(value)
    ]
    return fitting[:_MOST]


async def _ids(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    from memoria_tui.cli.with_services import read_query

    asked = read_query(services, f"id:{begun}" if begun else "")
    hits = await (await services.search.listing(asked)).page(0, _MOST)
    return [(hit.memory.id if len(begun) > _SHORT else hit.memory.id[:_SHORT], hit.memory.title) for hit in hits]


_SHORT = 8
"""Characters of an id that mean one memory, as long as nobody has very many."""


def _in_use(operator: str) -> Complete:
    async def values(services: Services, _: str) -> Iterable[tuple[str, str]]:
        return [(one.value, f"{one.count} memories") for one in await services.search.in_use(operator)]

    return _completes(values)


async def _clients(services: Services, _: str) -> Iterable[tuple[str, str]]:
    return [(one.client.name, "") for one in await services.clients.clients() if one.client is not None]


async def _work_projects(services: Services, _: str) -> Iterable[tuple[str, str]]:
    return [
        (one.project.name, one.project.client or "")
        for one in await services.clients.projects()
        if one.project is not None
    ]


def views(ctx: typer.Context, incomplete: str) -> Offered:
    """Those of the file of settings, which need no store."""
    with suppress(Exception):
        from memoria_tui.user_files.views import read_views

        terminal = _terminal(ctx)
        known = [(one.name, one.query) for one in read_views(terminal.config_file)]
        return _offered(known, incomplete, quoted=_is_bash(terminal))
    return []


ids, tags, projects = _completes(_ids), _in_use("tag"), _in_use("project")
clients, work_projects = _completes(_clients), _completes(_work_projects)
