"""The Health screen as an observer: asks all stores, looks at all memories and relations, and shows what it learned."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from textual import getters, on, work
from textual.content import Content
from textual.reactive import var
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, get_current_worker

from memoria_tui.present import safe
from memoria_tui.screens.health_pages import Page, page
from memoria_tui.screens.health_states import (
    GROUPS,
    Checked,
    Failed,
    Health,
    Loaded,
    Pace,
    Section,
    State,
    notice,
    section_line,
)
from memoria_tui.screens.mode import ModeScreen
from memoria_tui.screens.states import Idle
from memoria_tui.widgets.choice_list import ChoiceList
from services.errors import MemoriaError
from services.integrity.model import DefectKind
from services.model import Progress, StatusSnapshot, Subject
from services.ports import Clock

if TYPE_CHECKING:
    from services.backup.values import Archive
    from services.container import Services
    from services.integrity.model import Finding
    from services.reembedding.values import ReembedState

DESCRIBED = 200
"""Defects of a kind that are listed; a repair of all takes the others too."""
_TRASH = 100

Answer = TypeVar("Answer")


class HealthLooking(ModeScreen):
    """Shows what the services say; asks again when the mode is entered, when others wrote, and on a key.

    What others write does not start the long look at everything: it is only said that its findings are older.
    """

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS, Subject.SESSIONS, Subject.HISTORY})

    state: var[State] = var(Idle, init=False)
    section: var[Section] = var(Section.QDRANT, init=False)

    sections = getters.query_one("#sections", ChoiceList)
    rows = getters.query_one("#rows", ChoiceList)

    def __init__(self, where: str, clock: Clock) -> None:
        super().__init__(where, clock)
        self._page = Page("", Content(""))
        self._pace = Pace()
        self._asking: Worker[None] | None = None
        self._mark: object = None
        """What the stores hold by the last answers."""
        self._looked: object = None
        """What they held when the last long look began."""

    def on_mount(self) -> None:
        self.add_class("-noticed")
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show())

    # being told

    def connected(self, services: Services) -> None:
        super().connected(services)
        self.look()

    def failed(self, error: MemoriaError) -> None:
        self.state = Failed(error)

    def changed(self) -> None:
        if self.services is not None:
            self.look()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        """Waits for a look that is under way, which a person may have asked for."""
        if self._asking is None:
            self.look(outside=True)
        else:
            self._unseen |= subjects

    def watch_status(self, status: StatusSnapshot) -> None:
        super().watch_status(status)
        if isinstance(self.state, Loaded) and status.stores:
            pending = self.state.health.pending
            # What was asked for this page tells more, such as counts, for as long as all is well.
            stores = {
                kind: replace(asked, ok=now.ok) if now.ok else now
                for kind, asked in self.state.health.stores.items()
                for now in status.stores
                if now.kind is kind
            }
            self.state = replace(self.state, health=replace(self.state.health, stores=stores))
            if status.pending != pending:
                self.heard(frozenset({Subject.MEMORIES}))

    # asking

    @work(exclusive=True, group="health")
    async def look(self, *, thoroughly: bool = False, outside: bool = False) -> None:
        """Asks all stores; looks at everything when something changed since the last time, or `thoroughly`.

        After a change `outside` it does not, and only marks what was found as older.
        """
        this = self._asking = get_current_worker()
        try:
            await self._look(thoroughly=thoroughly, outside=outside)
        finally:
            if self._asking is this:
                self._asking = None
                self._see()

    async def _look(self, *, thoroughly: bool, outside: bool) -> None:
        services = self._services
        folder = services.settings.backups_dir
        waiting = await _or_error(services.health.waiting())
        trash = await _or_error(services.memories.trash(limit=_TRASH))
        collections = await _or_error(services.health.collections())
        database = await _or_error(services.database.status())
        # Asked now that all are open, for the latency that is usual.
        stores = await services.health.status()
        health = Health(
            stores={status.kind: status for status in stores},
            collections=collections,
            database=database,
            pending=await _or_error(services.memories.pending_count()),
            waiting=waiting,
            trash=trash if isinstance(trash, MemoriaError) else len(trash),
            zones=services.zones,
            folder=str(folder),
            archives=await _or_error(_archives(services)),
            model=await self._model(outside=outside),
        )
        self._mark = await self._mark_of(health)
        known, looking = (self.state.checked, self.state.looking) if isinstance(self.state, Loaded) else (None, None)
        self.shown()
        self.state = Loaded(health, known, looking, stale=outside and self._stale)
        fresh = isinstance(known, Checked) and known.mark == self._mark
        if thoroughly or not (outside or fresh):
            self._check(self._mark)

    async def _model(self, *, outside: bool) -> ReembedState | MemoriaError:
        """As it was known, after others wrote: counting memories by it takes long."""
        if outside and isinstance(self.state, Loaded):
            return self.state.health.model
        return await _or_error(self._services.reembedding.state())

    @property
    def _stale(self) -> bool:
        return self._looked is not None and self._looked != self._mark

    async def _mark_of(self, health: Health) -> object:
        latest = await _or_error(self._services.memories.latest_update())
        counts = {name: count for store in health.stores.values() for name, count in store.counts.items()}
        return (None if isinstance(latest, MemoriaError) else latest, counts)

    @work(exclusive=True, group="integrity")
    async def _check(self, mark: object) -> None:
        """The long look; what the last one found stays on screen meanwhile."""
        integrity = self._services.integrity
        self._looked = mark
        try:
            missing = await self._services.memories.outside.notice()
            survey = await integrity.survey(progress=self._looking)
            findings: dict[DefectKind, tuple[Finding, ...]] = {}
            for kind, found in survey.found.items():
                findings[kind] = await integrity.describe(found[:DESCRIBED])
        except MemoriaError as error:
            self._checked(error)
        else:
            self._checked(Checked(survey, findings, mark, missing.told if missing.ids else ""))

    def _looking(self, progress: Progress) -> None:
        if isinstance(self.state, Loaded) and self.state.checked is None and self._pace.due:
            self.state = replace(self.state, looking=progress)

    def _checked(self, checked: Checked | MemoriaError) -> None:
        if isinstance(self.state, Loaded):
            self.state = replace(self.state, checked=checked, looking=None, stale=self._stale)

    # showing

    def watch_state(self, state: State) -> None:
        if not self.query("#sections"):
            return  # the screen was taken down while it asked
        shown = notice(state)
        self.set_class(shown is not None, "-noticed")
        if shown is not None:
            self.query_one("#notice", Static).update(shown)
        self._show()
        if isinstance(state, Loaded) and (self.focused is None or not self.focused.focusable):
            self.sections.focus()
        self.refresh_bindings()

    def watch_section(self) -> None:
        self._show()
        self.refresh_bindings()

    @on(ChoiceList.Widened, "#sections")
    def _widened(self) -> None:
        """Also when the list comes on screen, which may be after what it shows is known."""
        self._show()

    def _show(self) -> None:
        if not isinstance(self.state, Loaded) or not self.is_mounted:
            return
        self._show_sections(self.state)
        # Two cells for the scroll bar, so that nothing moves when it comes.
        shown = page(self.section, self.state, self._clock(), max(20, self.query_one("#details").size.width - 4))
        self.query_one("#title", Static).update(Content.styled(safe(shown.title), "bold $primary"))
        self.query_one("#facts", Static).update(shown.facts)
        if shown.rows != self._page.rows or shown.title != self._page.title:
            self._show_rows(shown)
        self._page = shown

    def _show_sections(self, state: Loaded) -> None:
        now, width = self._clock(), max(20, self.sections.size.width)
        lines: list[Option] = []
        for heading, sections in GROUPS.items():
            lines += [Option("", disabled=True)] if lines else []
            older = " · r looks again" if heading == "Integrity" and state.stale else ""
            title = Content.assemble((f" {heading.upper()}", "bold $foreground 45%"), (older, "$warning"))
            lines.append(Option(title, disabled=True))
            lines += [Option(section_line(one, state, now, width), id=one.name) for one in sections]
        with self.sections.prevent(OptionList.OptionHighlighted):
            self.sections.set_options(lines)
            self.sections.highlighted = self.sections.get_option_index(self.section.name)

    def _show_rows(self, shown: Page) -> None:
        same = shown.title == self._page.title
        at = (self.rows.highlighted or 0) if same else 0
        self.rows.set_options([Option(row) for row in shown.rows])
        self.rows.display = bool(shown.rows)
        self.rows.highlighted = min(at, len(shown.rows) - 1) if shown.rows else None
        if not shown.rows and self.rows.has_focus:
            self.sections.focus()

    @on(OptionList.OptionHighlighted, "#sections")
    def choose_section(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id is not None:
            self.section = Section[event.option.id]


async def _archives(services: Services) -> tuple[Archive, ...]:
    return tuple(await services.backup.archives(services.settings.backups_dir))


async def _or_error(asked: Awaitable[Answer]) -> Answer | MemoriaError:
    """The answer, or why there is none: one store that is away does not hide the others."""
    try:
        return await asked
    except MemoriaError as error:
        return error
