"""Clients with their projects and what was worked for each: made, renamed, merged, moved, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual import getters, work
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from memoria_tui.dialogs.billing_terms import billing_terms
from memoria_tui.dialogs.changing_dialog import ChangingDialog
from memoria_tui.dialogs.line_prompt import PromptDialog, nameless
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text import present
from memoria_tui.widgets.choice_list import KeyedList
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.name_input import Names
from memoria_tui.write_queue import UnderWay, not_done, on_what_is_seen, written
from services.errors import Billed, InvalidInput, MemoriaError
from services.model import Entity, FacetCount, ReportBy, Subject
from services.times import duration
from services.work.report_values import Client, ClientTotal, Project, ProjectTotal

if TYPE_CHECKING:
    from services.container import Services

_NAME, _TIME, _SESSIONS, _LEFT = 40, 10, 10, 13
_LEAST_NAME = 12
_NOBODY = "-"
_RULE = "all of completed sessions, to the second; MCP Memoria counts whole minutes"


@dataclass(frozen=True, slots=True)
class Line:
    """A client, or a project under its client; what stands without one has no `entity`."""

    entity: Client | Project | None
    sessions: int
    """Completed ones, as of all that follows."""
    project: bool
    seconds: float | None = None
    """Exact; None until they are added up."""
    left: float | None = None
    """Seconds of its budget, where it has one."""


class ClientsDialog(ChangingDialog):
    """A list in which everything can be done; the answer says whether something was."""

    KEYS = (
        ("n", "client"),
        ("A", "project"),
        ("e", "rename"),
        ("M", "merge"),
        ("=", "move"),
        ("P", "rates"),
        ("d", "delete"),
        ("u", "undo"),
        ("esc", "close"),
    )
    KEYS_IF_EMPTY = (("n", "client"), ("A", "project"), ("u", "undo"), ("esc", "close"))
    HELP = "Clients and projects"
    FOLLOWS = frozenset({Subject.SESSIONS, Subject.NAMES})
    KEYS_GAP = 1  # so that all fit into 80 columns
    BINDINGS = [
        Binding("n", "new_client", "New client", id="clients.new", tooltip="Make a client"),
        Binding("A", "new_project", "New project", id="clients.project", tooltip="Make a project of this client"),
        Binding("e", "rename", "Rename", id="clients.rename", tooltip="Give it another name"),
        Binding("M", "merge", "Merge", id="clients.merge", tooltip="Merge it into another one"),
        Binding("equals_sign", "move", "Move", id="clients.move", tooltip="Give the project to another client"),
        Binding("P", "terms", "Rates", id="clients.terms", tooltip="Rates, rounding and budget"),
        Binding("d", "delete", "Delete", id="clients.delete", tooltip="Delete what has no sessions"),
        Binding("slash", "find", "Find", id="clients.find", show=False, tooltip="Go to a client or project by name"),
        Binding("u", "app.undo", "Undo", id="clients.undo", tooltip="Undo the last change"),
        Binding("question_mark", "app.help", "Help", id="clients.help", tooltip="What can be done here"),
    ]

    options = getters.query_one(OptionList)

    def __init__(self, services: Services) -> None:
        super().__init__("Clients and projects")
        self._services = services
        self._clients = services.clients
        self._reports = services.reports
        self._lines: list[Line] = []
        self._aim = ""
        """The client or project for the cursor."""

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic("", id="head")
        yield KeyedList()
        yield Static(_RULE, classes="rule")
        yield LazyStatic("", id="hint")

    async def _show(self) -> None:
        try:
            clients, projects = await self._clients.clients(), await self._clients.projects()
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        place = self.options.highlighted or 0
        was = self._line.entity if self._line is not None else None
        here, self._aim = self._aim or (was.id if was is not None else ""), ""
        known = {_key(line): line for line in self._lines}
        self._lines = [
            replace(line, seconds=known[key].seconds, left=known[key].left) if (key := _key(line)) in known else line
            for line in _lines(clients, projects)
        ]
        self.options.set_options(_drawn(line, self._name_cells) for line in self._lines)
        self._draw()
        self._add_up()
        ids = [line.entity.id if line.entity is not None else "" for line in self._lines]
        place = ids.index(here) if here and here in ids else min(place, len(ids) - 1)
        self.options.highlighted = place if self._lines else None
        if was is not None and was.id == here not in ids:
            self.say_taken(was.id, f'"{was.name}" was deleted or merged by another program')
        self.show_empty(not self._lines)
        if not self._lines:
            self.say("There are no clients yet: n makes one, or name one when you start work")

    @work(exclusive=True, group="worked")
    async def _add_up(self) -> None:
        """Fills in the times, which take seconds with a million sessions; what is being written counts already."""
        await written(self.app)
        try:
            by_client = await self._reports.worked(ReportBy.CLIENT)
            by_project = await self._reports.worked(ReportBy.PROJECT)
            left = {use.id: use.left for use in await self._services.billing.budgets(open_too=False)}
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        for place, line in enumerate(self._lines):
            worked = by_project if line.project else by_client
            id_ = line.entity.id if line.entity is not None else None
            self._lines[place] = replace(line, seconds=worked.get(id_, 0.0), left=left.get(id_ or ""))
        self._draw()

    def _draw(self) -> None:
        """The same lines, for the room that there is."""
        figures = ("worked", _TIME), ("sessions", _SESSIONS), ("budget left", _LEFT)
        head = present.fit("/ finds one", self._name_cells) + "".join(present.fit(*one, right=True) for one in figures)
        self.query_one("#head", Static).update(Content.styled(f" {head}", "$text-muted"))
        for place, line in enumerate(self._lines):
            self.options.replace_option_prompt_at_index(place, _drawn(line, self._name_cells))

    def on_resize(self) -> None:
        self._draw()

    @property
    def _name_cells(self) -> int:
        """What the figures leave of the width."""
        return max(_LEAST_NAME, min(_NAME, self.options.size.width - _TIME - _SESSIONS - _LEFT - 3))

    @property
    def _line(self) -> Line | None:
        place = self.options.highlighted
        return self._lines[place] if place is not None and place < len(self._lines) else None

    # acts

    @asks
    async def action_new_client(self) -> None:
        async def save(name: str) -> str:
            self._aim = (await self.write(f'client "{name}"', self._clients.create_client(name))).id
            return f'Created client "{name}"'

        await self._ask(PromptDialog("New client", check=nameless, save=save))

    @asks
    async def action_new_project(self) -> None:
        line = self._line
        entity = line.entity if line is not None else None
        owner = entity.client if isinstance(entity, Project) else entity.name if entity is not None else None

        async def save(name: str) -> str:
            self._aim = (await self.write(f'project "{name}"', self._clients.create_project(name, owner))).id
            return f'Created project "{name}"'

        await self._ask(PromptDialog(f"New project of {owner or 'no client'}", check=nameless, save=save))

    @asks
    async def action_find(self) -> None:
        """Goes to the next one, from the cursor on, that has the text in its name."""
        text = await self.app.push_screen_wait(PromptDialog("Find", hint="Part of the name of a client or project"))
        if not text:
            return
        here = (self.options.highlighted or 0) + 1
        for place in (*range(here, len(self._lines)), *range(here)):
            entity = self._lines[place].entity
            if entity is not None and text.casefold() in entity.name.casefold():
                self.options.highlighted = place
                return
        self.say(f'No client or project has "{text}" in its name')

    @asks
    async def action_rename(self) -> None:
        if (entity := self._entity()) is None:
            return
        shown = present.strip_hidden(entity.name)

        async def save(name: str) -> str:
            if name == shown:
                return ""
            rename = partial(self._clients.rename, _kind(entity), entity.id, name)
            await self.write(f'rename "{entity.name}"', on_what_is_seen(f'"{entity.name}"', rename))
            return f'Renamed "{entity.name}" to "{name}"'

        await self._ask(PromptDialog(f'Rename "{entity.name}"', value=shown, check=nameless, save=save))

    @asks
    async def action_merge(self) -> None:
        if (entity := self._entity()) is None:
            return
        title, hint = f'Merge "{entity.name}" into', "Its sessions become those of the one you name"
        names = self._names(project=isinstance(entity, Project), but=entity.id)

        warned: set[str] = set()

        async def save(target: str) -> str:
            with _asked_again("merges", target, warned):
                act = self._clients.merge(_kind(entity), entity.id, target, billed_too=target in warned)
                await self.write(title, act)
            return f'Merged "{entity.name}" into "{target}"'

        await self._ask(PromptDialog(title, hint=hint, names=names, check=nameless, save=save))

    @asks
    async def action_move(self) -> None:
        entity = self._entity()
        if not isinstance(entity, Project):
            self.say("Go to a project: it can be given to another client", wrong=True)
            return
        title, hint = f'Move "{entity.name}" to', f"Name of a client; {_NOBODY} for none. Its sessions go along"
        names = self._names(project=False)
        warned: set[str] = set()

        async def save(target: str) -> str:
            owner = None if target == _NOBODY else target
            with _asked_again("moves it", target, warned):
                await self.write(title, self._clients.move_project(entity.id, owner, billed_too=target in warned))
            return f'Moved "{entity.name}" to {owner or "no client"}'

        await self._ask(PromptDialog(title, hint=hint, names=names, check=nameless, save=save))

    @asks
    async def action_terms(self) -> None:
        if (entity := self._entity()) is None:
            return
        is_project, clients = isinstance(entity, Project), self._clients
        try:
            entity = await (clients.project(entity.id) if is_project else clients.client(entity.id))
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        form = billing_terms(self._services, entity)
        if (told := await self.app.push_screen_wait(form)) is not None:
            await self._show_done(told)

    @asks
    async def action_delete(self) -> None:
        if (entity := self._entity()) is None:
            return
        delete = on_what_is_seen(f'"{entity.name}"', partial(self._clients.delete, _kind(entity), entity.id))
        try:
            await self.write(f'delete "{entity.name}"', delete, once=[entity.id])
        except UnderWay as under_way:
            self.say(str(under_way))
        except MemoriaError as error:
            self.say(not_done(f'delete "{entity.name}"', error), wrong=True)
        else:
            await self._show_done(f'Deleted "{entity.name}"')

    def _entity(self) -> Client | Project | None:
        if self._line is None or self._line.entity is None:
            self.say("Go to a client or project", wrong=True)
            return None
        return None if self.pressed_on_what_is_gone else self._line.entity

    def _names(self, *, project: bool, but: str = "") -> Names:
        """The other clients or projects with their sessions."""
        others = [
            FacetCount(line.entity.name, line.sessions)
            for line in self._lines
            if line.project is project and line.entity is not None and line.entity.id != but
        ]

        async def load(owner: str) -> Sequence[FacetCount]:
            return others

        noun = "project" if project else "client"
        return Names(noun, load, makes=False, any_case=True, except_for=frozenset({_NOBODY}))

    async def _ask(self, dialog: PromptDialog) -> None:
        """Tells what a dialog wrote, if anything."""
        if told := await self.app.push_screen_wait(dialog):
            await self._show_done(told)


@contextmanager
def _asked_again(what: str, target: str, warned: set[str]) -> Iterator[None]:
    """Billed sessions are told of once for each target; entered again, it is done. Raises InvalidInput."""
    try:
        yield
    except Billed as billed:
        warned.add(target)
        raise InvalidInput(f"{billed}: enter again {what} all the same") from billed


def _key(line: Line) -> tuple[bool, str]:
    return line.project, line.entity.id if line.entity is not None else ""


def _kind(entity: Client | Project) -> Entity:
    return Entity.PROJECT if isinstance(entity, Project) else Entity.CLIENT


def _lines(clients: Sequence[ClientTotal], projects: Sequence[ProjectTotal]) -> list[Line]:
    """Each client with its projects under it, then what has none."""
    lines = []
    for total in clients:
        lines.append(Line(total.client, total.sessions, project=False))
        owner = total.client.id if total.client is not None else None
        lines += [
            Line(one.project, one.sessions, project=True)
            for one in projects
            if one.project is not None and one.project.client_id == owner
        ]
    shown = {line.entity.id for line in lines if line.entity is not None}
    lines += [
        Line(one.project, one.sessions, project=True)
        for one in projects
        if one.project is not None and one.project.id not in shown
    ]
    return lines


def _drawn(line: Line, name_cells: int) -> Content:
    name = present.line(line.entity.name) if line.entity is not None else "no client"
    worked = "…" if line.seconds is None else duration(line.seconds)
    return Content.assemble(
        (f" {present.fit(('  ' if line.project else '') + name, name_cells)}", "" if line.project else "bold"),
        (present.fit(worked, _TIME, right=True), "" if line.project else "bold"),
        (present.fit(f"{line.sessions:,}", _SESSIONS, right=True), "$foreground 60%"),
        ("" if line.left is None else present.fit(_hours(line.left), _LEFT, right=True), _left_style(line.left)),
    )


def _hours(seconds: float) -> str:
    return f"{'-' if seconds < 0 else ''}{duration(abs(seconds))}"


def _left_style(left: float | None) -> str:
    return "$warning" if left is not None and left < 0 else "$foreground 60%"
