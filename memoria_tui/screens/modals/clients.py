"""Clients with their projects and what was worked for each: made, renamed, merged, moved, deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import getters, work
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui import present
from memoria_tui.screens.modals.completing import Complete
from memoria_tui.screens.modals.dialog import Dialog
from memoria_tui.screens.modals.prompt import PromptDialog
from services.errors import MemoriaError
from services.work.model import Client, ClientTotal, Project, ProjectTotal

if TYPE_CHECKING:
    from services.container import Services

_NAME, _TIME, _SESSIONS = 40, 10, 10
_NOBODY = "-"


@dataclass(frozen=True, slots=True)
class Line:
    """A client, or a project under its client; what stands without one has no `entity`."""

    entity: Client | Project | None
    minutes: int
    sessions: int
    project: bool


class ClientsDialog(Dialog[bool]):
    """A list in which everything can be done; the answer says whether something was."""

    KEYS = (
        ("n", "client"),
        ("p", "project"),
        ("r", "rename"),
        ("m", "merge"),
        ("v", "move"),
        ("d", "delete"),
        ("esc", "close"),
    )
    BINDINGS = [
        Binding("n", "new_client", "New client", id="clients.new", tooltip="Make a client"),
        Binding("p", "new_project", "New project", id="clients.project", tooltip="Make a project of this client"),
        Binding("r", "rename", "Rename", id="clients.rename", tooltip="Give it another name"),
        Binding("m", "merge", "Merge", id="clients.merge", tooltip="Let it become part of another one"),
        Binding("v", "move", "Move", id="clients.move", tooltip="Give the project to another client"),
        Binding("d", "delete", "Delete", id="clients.delete", tooltip="Delete what has no sessions"),
    ]

    options = getters.query_one(OptionList)

    def __init__(self, services: Services) -> None:
        super().__init__("Clients and projects")
        self._clients = services.clients
        self._lines: Sequence[Line] = ()
        self._changed = False

    def compose_body(self) -> Iterable[Widget]:
        head = f" {present.fit('', _NAME)}{present.fit('worked', _TIME, right=True)}"
        yield Static(Content.styled(f"{head}{present.fit('sessions', _SESSIONS, right=True)}", "$text-muted"))
        yield OptionList()
        yield Static("", id="hint")

    def on_mount(self) -> None:
        self._load()

    def action_leave(self) -> None:
        self.dismiss(self._changed)

    @work(exclusive=True, group="clients")
    async def _load(self) -> None:
        await self._show()

    async def _show(self) -> None:
        try:
            clients, projects = await self._clients.clients(), await self._clients.projects()
        except MemoriaError as error:
            self._say(str(error), wrong=True)
            return
        place = self.options.highlighted or 0
        self._lines = _lines(clients, projects)
        self.options.set_options(Option(_drawn(line)) for line in self._lines)
        self.options.highlighted = min(place, len(self._lines) - 1) if self._lines else None
        if not self._lines:
            self._say("There are no clients yet: n makes one, or name one when you start work")

    @property
    def _line(self) -> Line | None:
        place = self.options.highlighted
        return self._lines[place] if place is not None and place < len(self._lines) else None

    # acts

    @work(exclusive=True, group="dialog")
    async def action_new_client(self) -> None:
        if name := await self.app.push_screen_wait(PromptDialog("New client")):
            await self._attempt(self._clients.create_client(name), f"Made «{name}»")

    @work(exclusive=True, group="dialog")
    async def action_new_project(self) -> None:
        line = self._line
        entity = line.entity if line is not None else None
        owner = entity.client if isinstance(entity, Project) else entity.name if entity is not None else None
        if name := await self.app.push_screen_wait(PromptDialog(f"New project of {owner or 'no client'}")):
            await self._attempt(self._clients.create_project(name, owner), f"Made «{name}»")

    @work(exclusive=True, group="dialog")
    async def action_rename(self) -> None:
        if (entity := self._entity()) is None:
            return
        shown = present.harmless(entity.name)
        name = await self.app.push_screen_wait(PromptDialog(f"Rename «{entity.name}»", value=shown))
        if name and name != shown:
            rename = self._clients.rename_project if isinstance(entity, Project) else self._clients.rename_client
            await self._attempt(rename(entity.id, name), f"Renamed to «{name}»")

    @work(exclusive=True, group="dialog")
    async def action_merge(self) -> None:
        if (entity := self._entity()) is None:
            return
        project = isinstance(entity, Project)
        title, hint = f"Merge «{entity.name}» into", "Its sessions become those of the one you name"
        names = self._names(project=project, but=entity.id)
        target = await self.app.push_screen_wait(PromptDialog(title, hint=hint, complete=names))
        if target:
            merge = self._clients.merge_projects if project else self._clients.merge_clients
            await self._attempt(merge(entity.id, target), f"Merged «{entity.name}» into «{target}»")

    @work(exclusive=True, group="dialog")
    async def action_move(self) -> None:
        entity = self._entity()
        if not isinstance(entity, Project):
            self._say("Go to a project: it can be given to another client", wrong=True)
            return
        title, hint = f"Move «{entity.name}» to", f"Name of a client; {_NOBODY} for none. Its sessions go along"
        names = self._names(project=False, but="")
        target = await self.app.push_screen_wait(PromptDialog(title, hint=hint, complete=names))
        if target:
            owner = None if target == _NOBODY else target
            await self._attempt(self._clients.move_project(entity.id, owner), f"Moved to {owner or 'no client'}")

    @work(exclusive=True, group="dialog")
    async def action_delete(self) -> None:
        if (entity := self._entity()) is None:
            return
        remove = self._clients.delete_project if isinstance(entity, Project) else self._clients.delete_client
        await self._attempt(remove(entity.id), f"Deleted «{entity.name}»")

    def _entity(self) -> Client | Project | None:
        if self._line is None or self._line.entity is None:
            self._say("Go to a client or project", wrong=True)
            return None
        return self._line.entity

    def _names(self, *, project: bool, but: str) -> Complete:
        entities = [line.entity for line in self._lines if line.project is project and line.entity is not None]

        async def names(prefix: str) -> tuple[str, ...]:
            return tuple(one.name for one in entities if one.id != but and one.name.startswith(prefix))

        return names

    async def _attempt(self, act: Awaitable[object], told: str) -> None:
        try:
            await act
        except MemoriaError as error:
            self._say(str(error), wrong=True)
        else:
            self._changed = True
            self._say(f"{told} · u takes it back")
            await self._show()

    def _say(self, text: str, *, wrong: bool = False) -> None:
        hint = self.query_one("#hint", Static)
        hint.update(Content(present.safe(text)))
        hint.set_class(wrong, "-wrong")


def _lines(clients: Sequence[ClientTotal], projects: Sequence[ProjectTotal]) -> list[Line]:
    """Each client with its projects under it, then what has none."""
    lines = []
    for total in clients:
        lines.append(Line(total.client, total.minutes, total.sessions, project=False))
        owner = total.client.id if total.client is not None else None
        lines += [
            Line(one.project, one.minutes, one.sessions, project=True)
            for one in projects
            if one.project is not None and one.project.client_id == owner
        ]
    shown = {line.entity.id for line in lines if line.entity is not None}
    lines += [
        Line(one.project, one.minutes, one.sessions, project=True)
        for one in projects
        if one.project is not None and one.project.id not in shown
    ]
    return lines


def _drawn(line: Line) -> Content:
    name = present.line(line.entity.name) if line.entity is not None else "no client"
    worked = f"{line.minutes // 60}:{line.minutes % 60:02}"
    return Content.assemble(
        (f" {present.fit(('  ' if line.project else '') + name, _NAME)}", "" if line.project else "bold"),
        (present.fit(worked, _TIME, right=True), "" if line.project else "bold"),
        (present.fit(f"{line.sessions:,}", _SESSIONS, right=True), "$foreground 60%"),
    )
