"""The Health mode: how the stores are, what waits, what is wrong with the data, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import OptionList, Static

from memoria_tui.screens.health_running import HealthRunning
from memoria_tui.screens.health_states import Checked, Failed, Loaded, Section, notice
from memoria_tui.screens.states import Idle
from memoria_tui.typing_ahead import asks
from memoria_tui.widgets.choice_list import ChoiceList
from services.errors import MemoriaError
from services.integrity.model import REPAIRABLE

if TYPE_CHECKING:
    from services.backup.values import Archive
    from services.integrity.model import Finding
    from services.model import Memory


class HealthScreen(HealthRunning):
    """Sections at the left, the details of the chosen one at the right."""

    CSS_PATH = "health.tcss"
    HELP = "Health: stores, waiting work, integrity, trash, backups, model"

    BINDINGS = [
        Binding("f", "repair_one", "Repair", id="health.repair", tooltip="Repair the chosen one"),
        Binding("F", "repair_kind", "Repair all", id="health.repair_all", tooltip="Repair all of this kind"),
        Binding(
            "X", "repair_everything", "Repair everything", id="health.repair_everything", show=False,
            tooltip="Repair every defect of every kind",
        ),
        Binding("g", "graph", "Graph", id="health.graph", tooltip="See the memory in the graph"),
        Binding("e", "embed", "Embed now", id="health.embed", tooltip="Try again now what waits for vectors"),
        Binding("T", "trash", "Trash", id="health.trash", tooltip="Deleted memories, and the way back"),
        Binding("b", "back_up", "Back up", id="health.back_up", tooltip="Back up everything into the folder"),
        Binding("m", "reembed", "Re-embed", id="health.reembed", tooltip="Make all vectors anew"),
        Binding("D", "drop_old", "Delete former", id="health.drop_old", tooltip="Delete the former vectors"),
        Binding("A", "upgrade", "Upgrade", id="health.upgrade", tooltip="Add to the stores what this program needs"),
        Binding("c", "stop", "Stop", id="health.stop", tooltip="Stop what is under way"),
        Binding("tab", "switch", "Sections or details", id="health.switch", show=False, tooltip="Between the lists"),
        Binding("escape", "back", "Sections", id="health.back", show=False, tooltip="Back to the sections"),
        Binding("r", "retry", "Look again", id="health.retry", tooltip="Ask all stores and look at everything again"),
    ]  # fmt: skip

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            yield ChoiceList(id="sections", markup=False)
            with Vertical(id="details"):
                yield Static(id="title")
                with VerticalScroll(id="scroll", can_focus=False):
                    yield Static(id="facts")
                yield ChoiceList(id="rows", markup=False)
        yield Static(notice(Idle()) or "", id="notice")
        yield Static(id="progress")

    # what a person can do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)}:
            return super().check_action(action, parameters)
        if action == "retry":
            return not isinstance(self.state, Idle)
        if not isinstance(self.state, Loaded):
            return False
        return self._possible(action, self.state)

    def _possible(self, action: str, state: Loaded) -> bool:
        checked = state.checked if isinstance(state.checked, Checked) else None
        kind, model = self.section.kind, state.health.model
        match action:
            case "repair_one":
                return bool((one := self._finding) and one.repair and self.rows.has_focus)
            case "repair_kind":
                return bool(checked and kind in REPAIRABLE and checked.survey.found[kind])
            case "repair_everything":
                return bool(checked and checked.survey.total)
            case "graph":
                return self._memory is not None
            case "embed":
                return self.section is Section.QUEUE and state.health.pending != 0
            case "reembed":
                return self.section is Section.MODEL
            case "drop_old":
                return (
                    self.section is Section.MODEL and not isinstance(model, MemoriaError) and model.former is not None
                )
            case "upgrade":
                return self.section in (Section.POSTGRES, Section.QDRANT) and self._lacks(state)
            case "stop":
                return self.running is not None
        return True

    def _lacks(self, state: Loaded) -> bool:
        status = state.health.database
        return not isinstance(status, MemoriaError) and bool(status.missing or status.indexes)

    @property
    def _chosen(self) -> int | None:
        return self.rows.highlighted if self.rows.display else None

    @property
    def _finding(self) -> Finding | None:
        """The defect under the cursor."""
        if not isinstance(self.state, Loaded) or not isinstance(self.state.checked, Checked):
            return None
        found = self.state.checked.findings.get(self.section.kind, ()) if self.section.kind else ()
        return found[self._chosen] if self._chosen is not None and self._chosen < len(found) else None

    @property
    def _memory(self) -> Memory | None:
        """The memory under the cursor, of a relation the first that there is."""
        if (finding := self._finding) is not None:
            return next((memory for memory in finding.memories if memory is not None), None)
        waiting = self.state.health.waiting if isinstance(self.state, Loaded) else ()
        if self.section is not Section.QUEUE or self._chosen is None or isinstance(waiting, MemoriaError):
            return None
        return waiting[self._chosen].memory if self._chosen < len(waiting) else None

    @property
    def _archive(self) -> Archive | None:
        archives = self.state.health.archives if isinstance(self.state, Loaded) else ()
        if self.section is not Section.BACKUPS or self._chosen is None or isinstance(archives, MemoriaError):
            return None
        return archives[self._chosen] if self._chosen < len(archives) else None

    # moving

    @on(OptionList.OptionSelected, "#sections")
    def open_section(self) -> None:
        if self.section is Section.TRASH:
            self.action_trash()
        elif self.rows.display:
            self.rows.focus()

    @on(OptionList.OptionSelected, "#rows")
    def open_row(self) -> None:
        if (archive := self._archive) is not None:
            self.restore_backup(archive.path)
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

    # repairing and looking

    @asks
    async def action_repair_one(self) -> None:
        if (finding := self._finding) is not None:
            await self.repair_chosen(finding)

    @asks
    async def action_repair_kind(self) -> None:
        if isinstance(self.state, Loaded) and isinstance(self.state.checked, Checked) and self.section.kind:
            await self.repair_all(self.state.checked.survey.repairable((self.section.kind,)))

    @asks
    async def action_repair_everything(self) -> None:
        if isinstance(self.state, Loaded) and isinstance(self.state.checked, Checked):
            await self.repair_all(self.state.checked.survey.repairable())

    def action_graph(self) -> None:
        if (memory := self._memory) is not None:
            self.post_message(self.GraphWanted(memory.id))

    def action_retry(self) -> None:
        if self.services is None:
            self.post_message(self.Reopen())
        elif isinstance(self.state, Failed | Loaded):
            self.look(thoroughly=True)
