"""The Health mode: how the stores are, what waits, what is wrong with the data, and what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from textual import events, on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, get_current_worker

from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.new_token import TokenDialog, new_token
from memoria_tui.dialogs.upgrade_database import UpgradeDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.keys.waiting_keys import takes_text
from memoria_tui.modes.duplicates import open_duplicates
from memoria_tui.modes.health.long_runs import LongWork
from memoria_tui.modes.health.section_details import Page, page
from memoria_tui.modes.health.state import (
    GROUPS,
    MOST_TRASH,
    Checked,
    Health,
    HealthReport,
    Line,
    Pace,
    Running,
    Section,
    running_line,
    section_line,
)
from memoria_tui.modes.mode import Idle, Loadable, Loaded, ModeScreen
from memoria_tui.modes.trash import open_trash
from memoria_tui.terminal.textual_internals import bindings_of
from memoria_tui.text.present import ago, escape_control
from memoria_tui.widgets.choice_list import ChoiceList
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.part import Part
from services.errors import MemoriaError
from services.integrity.check import Check
from services.model import Progress, StatusSnapshot, Subject

if TYPE_CHECKING:
    from pathlib import Path

    from memoria_tui.setup import Setup
    from services.backup.backup_values import Archive, Comparison
    from services.curation.memory_health import HealthNumber, MemoryHealth
    from services.integrity.defects import DescribedDefect
    from services.model import Memory
    from services.records.access_tokens import AccessToken
    from services.reembedding.reembed_values import ReembedState

DESCRIBED = 200
"""Defects of a kind that are listed; a repair of all takes the others too."""
_ONLY_ON = "This key does something on {} only"
_AGENTS = 5.0
"""Seconds between two looks at the agents while they are on screen."""

Answer = TypeVar("Answer")


class HealthScreen(ModeScreen):
    """Sections at the left, the details of the chosen one at the right; asks again when it is entered, when others
    wrote, and on a key.

    What others write does not start the long look at everything: it is only said that its findings are older.
    """

    CSS_PATH = "health.tcss"
    HELP = "Health: how the stores are, what waits in them, what is wrong, and what repairs it"

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS, Subject.SESSIONS, Subject.HISTORY})

    MOVED = {
        "f": "the chosen one is repaired by ! now",
        "g": "the graph is ctrl+g now",
        "e": "what waits is embedded by E now",
        "b": "a backup is made by B now",
        "m": "all is re-embedded by V now",
        "D": "the old vectors are deleted by Z now",
        "A": "the upgrade is I now",
        "c": "s stops what is under way now",
    }
    FROM_ELSEWHERE = frozenset({"trash", "merge", "back_up"})
    BINDINGS = [
        Binding("exclamation_mark", "repair_one", "Repair", id="health.repair", tooltip="Repair the chosen one"),
        Binding("F", "repair_kind", "Repair all", id="health.repair_all", tooltip="Repair all of this kind"),
        Binding(
            "X", "repair_everything", "Repair everything", id="health.repair_everything", show=False,
            tooltip="Repair every defect of every kind",
        ),
        Binding("ctrl+g", "graph", "Graph", id="health.graph", tooltip="See the memory in the graph"),
        Binding("E", "embed", "Embed now", id="health.embed", tooltip="Try again now what waits for vectors"),
        Binding("T", "trash", "Trash", id="health.trash", tooltip="Deleted memories, and the way back"),
        Binding(
            "M", "merge", "Duplicates", id="health.merge", show=False, tooltip="Near-identical memories, to merge"
        ),
        Binding("B", "back_up", "Back up", id="health.back_up", tooltip="Back up everything into the folder"),
        Binding("V", "reembed", "Re-embed", id="health.reembed", tooltip="Re-embed all memories"),
        Binding("Z", "drop_old", "Delete old", id="health.drop_old", tooltip="Delete the old vectors"),
        Binding("I", "upgrade", "Upgrade", id="health.upgrade", tooltip="Add to the stores what this program needs"),
        Binding("n", "new_token", "New token", id="health.new_token", tooltip="Make an access token"),
        Binding("d", "revoke", "Revoke", id="health.revoke", tooltip="Make the chosen access token worthless"),
        Binding("s", "stop", "Stop", id="health.stop", tooltip="Stop what is under way"),
        Binding("tab", "switch", "Sections or details", id="health.switch", show=False, tooltip="Between the lists"),
        Binding("escape", "back", "Sections", id="health.back", show=False, tooltip="Back to the sections"),
        Binding("r", "retry", "Refresh", id="health.retry", tooltip="Check all stores and memories again"),
    ]  # fmt: skip

    state: var[Loadable[HealthReport]] = var(Idle, init=False)
    section: var[Line] = var(Section.QDRANT, init=False)
    running: var[Running | None] = var(None, init=False)

    sections = Part("#sections", ChoiceList)
    rows = Part("#rows", ChoiceList)

    def __init__(self, mode: str, setup: Setup) -> None:
        super().__init__(mode, setup)
        self.long_work = LongWork(self, self._show_run)
        self._page = Page("", Content(""))
        self._pace = Pace()
        self._asking: Worker[None] | None = None
        self._mark: object = None
        """What the stores hold by the last answers."""
        self._looked: object = None
        """What they held when the last long look began."""

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            yield ChoiceList(id="sections", markup=False)
            with Vertical(id="details"):
                yield LazyStatic(id="title")
                with VerticalScroll(id="scroll", can_focus=False):
                    yield LazyStatic(id="facts")
                yield ChoiceList(id="rows", markup=False)
        yield LazyStatic(id="progress")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show())
        self.set_interval(_AGENTS, self._follow_agents)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)}:
            return super().check_action(action, parameters)
        if action == "retry":
            return not isinstance(self.state, Idle)
        return self.report is not None and not self._lacking(action, self.report)

    def on_key(self, event: events.Key) -> None:
        """Says also what a key lacks that means nothing on this page."""
        super().on_key(event)
        if self.report is None or event.key in (self.MOVED.keys() | self.active_bindings.keys()):
            return
        actions = [one.action for one in bindings_of(self) if one.key == event.key]
        if told := next(filter(None, (self._lacking(action, self.report) for action in actions)), ""):
            self.say(told)

    def _lacking(self, action: str, report: HealthReport) -> str:
        """Why the key of an action does nothing on this page; "" where it does something."""
        section, health = self.section, report.health
        match action:
            case "repair_one":
                return self._unrepairable()
            case "repair_kind":
                if not isinstance(section, Check):
                    return _ONLY_ON.format("a check of Integrity")
                return self._none_of(found=bool(self._checked and self._checked.survey.repairable((section,))))
            case "repair_everything":
                survey = self._checked and self._checked.survey
                if survey and not survey.total and survey.by_name:
                    return f"Only what is under {survey.by_name[0].title} can be repaired, by F there"
                return self._none_of(found=bool(survey and survey.total))
            case "graph":
                return "" if self._memory is not None else "No memory is under the cursor"
            case "embed":
                if section is not Section.QUEUE:
                    return _ONLY_ON.format(Section.QUEUE.title)
                return "" if health.pending != 0 else "No memory waits for vectors"
            case "reembed":
                return "" if section is Section.MODEL else _ONLY_ON.format(Section.MODEL.title)
            case "drop_old":
                if section is not Section.MODEL:
                    return _ONLY_ON.format(Section.MODEL.title)
                return "" if health.former is not None else "No old vectors are kept"
            case "upgrade":
                if section not in (Section.POSTGRES, Section.QDRANT):
                    return _ONLY_ON.format(f"{Section.QDRANT.title} and {Section.POSTGRES.title}")
                database = health.database
                lacks = not isinstance(database, MemoriaError) and bool(database.missing or database.indexes)
                return "" if lacks else "Nothing is missing in the stores"
            case "new_token":
                return "" if section is Section.TOKENS else _ONLY_ON.format(Section.TOKENS.title)
            case "revoke":
                if (token := self._token) is None:
                    return "No access token is under the cursor"
                return "" if token.is_valid(self.clock()) else f"{token.name} is not valid any more"
            case "stop":
                return "" if self.running is not None else "Nothing is under way"
        return ""

    def _unrepairable(self) -> str:
        """Why the defect under the cursor cannot be repaired; "" where it can."""
        if not isinstance(self.section, Check):
            return _ONLY_ON.format("a check of Integrity")
        if (finding := self._finding) is None:
            return self._none_of(found=False)
        if not finding.repair:
            return "Nothing repairs this one"
        return "" if self.rows.has_focus else "Choose one at the right first"

    def _none_of(self, *, found: bool) -> str:
        """Why there is nothing to repair; "" where there is something."""
        if found:
            return ""
        if self._checked is not None:
            return "There is nothing to repair"
        failed = self.report is not None and self.report.checked is not None
        return "The check failed; r checks again" if failed else "The check is still under way"

    # what is drawn, and what of it is under the cursor

    @property
    def report(self) -> HealthReport | None:
        """What is on screen."""
        return self.state.value if isinstance(self.state, Loaded) else None

    @property
    def _checked(self) -> Checked | None:
        """The last check of everything that succeeded."""
        checked = self.report.checked if self.report is not None else None
        return checked if isinstance(checked, Checked) else None

    @property
    def _chosen(self) -> int | None:
        return self.rows.highlighted if self.rows.display else None

    def _under_cursor(self, listed: Sequence[Answer] | MemoriaError) -> Answer | None:
        """The one of those that the section lists."""
        if self._chosen is None or isinstance(listed, MemoriaError) or self._chosen >= len(listed):
            return None
        return listed[self._chosen]

    @property
    def _finding(self) -> DescribedDefect | None:
        """The defect under the cursor."""
        if self._checked is None or not isinstance(self.section, Check):
            return None
        return self._under_cursor(self._checked.findings[self.section])

    @property
    def _memory(self) -> Memory | None:
        """The memory under the cursor, of a relation the first that there is."""
        if (finding := self._finding) is not None:
            return next((memory for memory in finding.memories if memory is not None), None)
        if self.report is None or self.section is not Section.QUEUE:
            return None
        waiting = self._under_cursor(self.report.health.waiting)
        return waiting.memory if waiting is not None else None

    @property
    def _archive(self) -> Archive | None:
        if self.report is None or self.section is not Section.BACKUPS:
            return None
        return self._under_cursor(self.report.health.archives)

    @property
    def _number(self) -> HealthNumber | None:
        """What is counted on the line under the cursor."""
        care = self.report.health.care if self.report is not None else None
        if self.section is not Section.CARE or care is None or isinstance(care, MemoriaError):
            return None
        return self._under_cursor((*care.numbers, *care.growth))

    @property
    def _token(self) -> AccessToken | None:
        """The access token under the cursor."""
        if self.report is None or self.section is not Section.TOKENS:
            return None
        return self._under_cursor(self.report.health.tokens)

    # asking

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        """Waits for a look that is under way, which a person may have asked for; long work writes without end."""
        if self.running is not None:
            return
        if self._asking is None:
            self.load(outside=True)
        else:
            self._unseen |= subjects

    def watch_status(self, status: StatusSnapshot) -> None:
        super().watch_status(status)
        if self.report is not None and status.stores:
            health = self.report.health
            # What was asked for this page tells more, such as counts, for as long as all is well.
            stores = {
                kind: replace(asked, ok=now.ok) if now.ok else now
                for kind, asked in health.stores.items()
                for now in status.stores
                if now.kind is kind
            }
            self.state = Loaded(replace(self.report, health=replace(health, stores=stores)))
            if status.pending != health.pending:
                self.on_external_change(frozenset({Subject.MEMORIES}))

    @work(exclusive=True, group="health")
    async def load(self, *, thoroughly: bool = False, outside: bool = False) -> None:
        """Asks all stores; looks at everything when something changed since the last time, or `thoroughly`.

        After a change `outside` it does not, and only marks what was found as older.
        """
        this = self._asking = get_current_worker()
        try:
            await self._ask(thoroughly=thoroughly, outside=outside)
        finally:
            if self._asking is this:
                self._asking = None
                self._see()

    async def _ask(self, *, thoroughly: bool, outside: bool) -> None:
        health = await self._health(outside=outside)
        self._mark = await self._mark_of(health)
        known, before = self._checked, self.report
        self.shown()
        is_stale = outside and self._stale
        self.state = Loaded(replace(before or HealthReport(health), health=health, stale=is_stale))
        if thoroughly or not (outside or (known is not None and known.mark == self._mark)):
            self._check(self._mark)

    async def _health(self, *, outside: bool) -> Health:
        services, settings = self.services, self.services.settings
        waiting = await _or_error(services.health.waiting())
        trash = await _or_error(services.memories.trash(limit=MOST_TRASH))
        collections = await _or_error(services.health.collections())
        database = await _or_error(services.database.status())
        # Asked now that all are open, for the latency that is usual.
        stores = await services.health.status()
        return Health(
            stores={status.kind: status for status in stores},
            collections=collections,
            database=database,
            pending=await _or_error(services.memories.pending_count()),
            waiting=waiting,
            trash=trash if isinstance(trash, MemoriaError) else len(trash),
            zones=services.zones,
            folder=str(settings.backups_dir),
            archives=await _or_error(
                _tuple(services.backup.archives(settings.backups_dir, settings.daily_backups_dir))
            ),
            daily=services.daily_backups.when,
            daily_problems=await asyncio.to_thread(services.daily_backups.problems),
            languages=await self._languages(outside=outside),
            model=await self._model(outside=outside),
            care=await self._care(outside=outside),
            agents=await _or_error(_tuple(services.agents.all())),
            tokens=await _or_error(_tuple(services.tokens.all())),
        )

    @work(exclusive=True, group="agents")
    async def _follow_agents(self) -> None:
        """What agents do tells nobody by itself."""
        if self.is_active and self.section in (Section.AGENTS, Section.TOKENS):
            await self._look_at_agents()

    async def _look_at_agents(self) -> None:
        agents = await _or_error(_tuple(self.services.agents.all()))
        tokens = await _or_error(_tuple(self.services.tokens.all()))
        if self.report is not None:
            health = replace(self.report.health, agents=agents, tokens=tokens)
            self.state = Loaded(replace(self.report, health=health))

    async def _model(self, *, outside: bool) -> ReembedState | MemoriaError:
        """As it was known, after others wrote: counting memories by it takes long."""
        if outside and self.report is not None:
            return self.report.health.model
        return await _or_error(self.services.reembedding.state())

    async def _care(self, *, outside: bool) -> MemoryHealth | MemoriaError:
        """As it was known, after others wrote, as for the model."""
        if outside and self.report is not None:
            return self.report.health.care
        return await _or_error(self.services.memory_health.look())

    async def _languages(self, *, outside: bool) -> str:
        """As it was known, after others wrote: few memories change nothing."""
        if outside and self.report is not None:
            return self.report.health.languages
        told = await _or_error(self.services.health.languages())
        return "" if isinstance(told, MemoriaError) else told

    @property
    def _stale(self) -> bool:
        return self._looked is not None and self._looked != self._mark

    async def _mark_of(self, health: Health) -> object:
        latest = await _or_error(self.services.memories.latest_update())
        counts = {name: count for store in health.stores.values() for name, count in store.counts.items()}
        return (None if isinstance(latest, MemoriaError) else latest, counts)

    @work(exclusive=True, group="integrity")
    async def _check(self, mark: object) -> None:
        """The long look; what the last one found stays on screen meanwhile."""
        integrity = self.services.integrity
        self._looked = mark
        try:
            missing = await self.services.memories.outside.notice()
            survey = await integrity.survey(progress=self._looking)
            findings: dict[Check, tuple[DescribedDefect, ...]] = {}
            for check, found in survey.found.items():
                findings[check] = await integrity.describe(found[:DESCRIBED])
        except MemoriaError as error:
            self._show_check(error)
        else:
            self._show_check(Checked(survey, findings, mark, missing.summary_line if missing.ids else ""))

    def _looking(self, progress: Progress) -> None:
        if self.report is not None and self.report.checked is None and self._pace.due:
            self.state = Loaded(replace(self.report, looking=progress))

    def _show_check(self, checked: Checked | MemoriaError) -> None:
        if self.report is not None:
            self.state = Loaded(replace(self.report, checked=checked, looking=None, stale=self._stale))

    # showing

    def watch_state(self, state: Loadable[HealthReport]) -> None:
        if self.query("#sections"):  # none once the screen was taken down while it asked
            super().watch_state(state)

    def draw(self, shown: HealthReport) -> None:
        self._show()
        if self.focused is None or not self.focused.focusable:
            self.sections.focus()

    def watch_section(self) -> None:
        self._show()
        self.refresh_bindings()

    @on(ChoiceList.Widened, "#sections")
    def _widened(self) -> None:
        """Also when the list comes on screen, which may be after what it shows is known."""
        self._show()

    def _show(self) -> None:
        if self.report is None or not self.is_mounted:
            return
        self._show_sections(self.report)
        # Two cells for the scroll bar, so that nothing moves when it comes.
        shown = page(self.section, self.report, self.clock(), max(20, self.query_one("#details").size.width - 2))
        self.query_one("#title", Static).update(Content.styled(escape_control(shown.title), "bold $primary"))
        self.query_one("#facts", Static).update(shown.facts)
        if shown.rows != self._page.rows or shown.title != self._page.title:
            self._show_rows(shown)
        self._page = shown

    def _show_sections(self, report: HealthReport) -> None:
        now, width = self.clock(), max(20, self.sections.size.width)
        lines: list[Option] = []
        for heading, sections in GROUPS.items():
            lines += [Option("", disabled=True)] if lines else []
            older = " · r checks again" if heading == "Integrity" and report.stale else ""
            title = Content.assemble((f" {heading.upper()}", "bold $foreground 45%"), (older, "$warning"))
            lines.append(Option(title, disabled=True))
            lines += [Option(section_line(one, report, now, width), id=one.name) for one in sections]
        with self.sections.prevent(OptionList.OptionHighlighted):
            self.sections.set_options(lines)
            self.sections.highlighted = self.sections.get_option_index(self.section.name)

    def _show_rows(self, shown: Page) -> None:
        """The cursor stays on what it is on."""
        before, at = (self._page.rows, self.rows.highlighted or 0) if shown.title == self._page.title else ((), 0)
        held = before[at][0] if at < len(before) else None
        at = next((place for place, (key, _) in enumerate(shown.rows) if key == held), at)
        self.rows.set_options([Option(row) for _, row in shown.rows])
        self.rows.display = bool(shown.rows)
        self.rows.highlighted = min(at, len(shown.rows) - 1) if shown.rows else None
        if not shown.rows and self.rows.has_focus:
            self.sections.focus()

    @on(OptionList.OptionHighlighted, "#sections")
    def choose_section(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id is not None:
            self.section = next(one for group in GROUPS.values() for one in group if one.name == event.option.id)

    # moving

    @on(OptionList.OptionSelected, "#sections")
    def open_section(self) -> None:
        if self.section is Section.TRASH:
            self.action_trash()
        elif self.rows.display:
            self.rows.focus()
        else:
            self.say("Nothing is listed here")

    @on(OptionList.OptionSelected, "#rows")
    def open_row(self) -> None:
        if (number := self._number) is not None:
            self.post_message(self.SearchWanted(number.query))
        elif (archive := self._archive) is not None:
            self._restore(archive.path)
        elif self._memory is not None:
            self.action_graph()

    @on(OptionList.OptionHighlighted, "#rows")
    def follow(self) -> None:
        self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        self.refresh_bindings()

    def action_switch(self) -> None:
        if self.sections.has_focus and self.rows.display:
            self.rows.focus()
        else:
            self.sections.focus()

    def action_back(self) -> None:
        self.sections.focus()

    # repairs and other long work

    @asks
    async def action_repair_one(self) -> None:
        if (finding := self._finding) is not None:
            await self.long_work.repair_chosen(finding)

    @asks
    async def action_repair_kind(self) -> None:
        if self._checked is not None and isinstance(self.section, Check):
            await self.long_work.repair_all(self._checked.survey.repairable((self.section,)))

    @asks
    async def action_repair_everything(self) -> None:
        if self._checked is not None:
            await self.long_work.repair_all(self._checked.survey.repairable())

    def action_embed(self) -> None:
        self.long_work.embed()

    def action_back_up(self) -> None:
        self.long_work.back_up()

    @work(group="compare")
    async def _restore(self, path: Path) -> None:
        if (compared := await self.long_work.compare(path)) is not None:
            self._ask_how_to_restore(compared)

    @asks
    async def _ask_how_to_restore(self, compared: Comparison) -> None:
        await self.long_work.restore(compared)

    @asks
    async def action_reembed(self) -> None:
        await self.long_work.reembed()

    @asks
    async def action_drop_old(self) -> None:
        if self.report is not None and (former := self.report.health.former) is not None:
            await self.long_work.drop_old(former)

    def action_stop(self) -> None:
        self.long_work.stop()

    def _show_run(self, running: Running | None) -> None:
        if self.is_running:
            self.running = running

    def watch_running(self, before: Running | None, running: Running | None) -> None:
        told = Content("") if running is None else running_line(running, self.clock())
        self.query_one("#progress", Static).update(told)
        if (before is None) is not (running is None):
            self.set_class(running is not None, "-busy")
            self.refresh_bindings()

    @asks
    async def action_upgrade(self) -> None:
        database = self.services.database
        plan = await self.attempt(database.plan())
        if plan is None:
            return
        if not plan:
            self.say("Nothing is missing in the database")
        elif await self.ask(UpgradeDialog(plan, database.upgrade)):
            self.say("The database was upgraded")
            self.load()

    @takes_text
    @asks
    async def action_new_token(self) -> None:
        if (made := await self.ask(new_token(self.services, self.clock))) is not None:
            await self._look_at_agents()
            await self.ask(TokenDialog(made))

    @asks
    async def action_revoke(self) -> None:
        if (token := self._token) is None:
            return
        used = f"used {ago(token.used_at, self.clock())}" if token.used_at else "never used"
        question = f"It was {used}. Who shows it gets in no more, and that is for good."
        if not await self.ask(ConfirmDialog(f"Revoke the token {token.name}?", question, "revoke")):
            return
        revoked = self.write(f"revoke the token {token.name}", self.services.tokens.revoke(token.name))
        if await revoked is not None:
            self.say(f"{token.name} is revoked")
            await self._look_at_agents()

    @asks
    async def action_merge(self) -> None:
        await open_duplicates(self)

    @asks
    async def action_trash(self) -> None:
        await open_trash(self)

    def action_graph(self) -> None:
        if (memory := self._memory) is not None:
            self.post_message(self.GraphWanted(memory.id))

    def action_retry(self) -> None:
        if self.is_connected:
            self.load(thoroughly=True)
        else:
            super().action_retry()


async def _tuple(asked: Awaitable[Iterable[Answer]]) -> tuple[Answer, ...]:
    return tuple(await asked)


async def _or_error(asked: Awaitable[Answer]) -> Answer | MemoriaError:
    """The answer, or why there is none: one store that is away does not hide the others."""
    try:
        return await asked
    except MemoriaError as error:
        return error
