"""The Summary mode: what work and memories add up to, in charts and tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from textual import on
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.screens.modals.prompt import PromptDialog
from memoria_tui.screens.modals.summary_filter import SummaryFilterDialog
from memoria_tui.screens.paths import file_of, why_not_new
from memoria_tui.screens.states import Idle
from memoria_tui.screens.summary_adding import SummaryAdding
from memoria_tui.screens.summary_states import (
    GROUPINGS,
    MONTHS,
    Adding,
    Failed,
    Loaded,
    notice,
    shifted,
)
from memoria_tui.typing_ahead import asks
from memoria_tui.widgets.figure_table import FigureTable
from memoria_tui.widgets.stacked_bars import StackedBars
from services.errors import MemoriaError
from services.files import write_file
from services.work.model import Report
from services.work.report_export import as_csv, as_markdown

_WRITERS = {".csv": as_csv, ".md": as_markdown}
_ON_FIGURES = frozenset({"shift", "group", "filter", "export", "table", "memories"})
"""Actions that need figures on screen."""


class SummaryScreen(SummaryAdding):
    """Twelve months, or the days of one; chart and tables side by side, or one at a time where it is narrow."""

    CSS_PATH = "summary.tcss"
    HELP = "Summary: what work and memories add up to"

    BINDINGS = [
        Binding(
            "left_square_bracket",
            "shift(-1)",
            "Earlier",
            id="summary.earlier",
            key_display="[",
            tooltip="A year, or in a month a month back",
        ),
        Binding(
            "right_square_bracket",
            "shift(1)",
            "Later",
            id="summary.later",
            key_display="]",
            tooltip="A year, or in a month a month on",
        ),
        Binding("tab", "group", "Group", id="summary.group", key_display="⇥", tooltip="By client, project or category"),
        Binding("full_stop", "filter", "Filter", id="summary.filter", key_display=".", tooltip="Count only some"),
        Binding("x", "export", "Export", id="summary.export", tooltip="Write what is seen as CSV or Markdown"),
        Binding("v", "table", "Table", id="summary.table", tooltip="Months or days as a table, or the chart again"),
        Binding("m", "memories", "Memories", id="summary.memories", tooltip="Memories by month and tag, or work again"),
        Binding("r", "retry", "Again", id="summary.retry", tooltip="Add up again"),
        Binding("escape", "back", "Months", id="summary.back", tooltip="Back to the twelve months"),
    ]

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="headline")
        with Vertical(id="body"):
            with Horizontal(id="work"):
                with Container(id="stage"):
                    yield StackedBars(id="chart")
                    yield Static(id="nothing")
                with Vertical(id="tables"):
                    yield FigureTable(id="groups")
                    yield FigureTable(id="units")
            with Horizontal(id="memories"):
                yield StackedBars(cursor=False, id="memory-chart")
                with Vertical(id="tags-and-types"):
                    yield FigureTable(id="types")
                    yield FigureTable(id="tags")
        yield Static(notice(Idle()) or "", id="notice")

    def on_mount(self) -> None:
        self.add_class("-noticed")
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())

    # what a person can do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _ON_FIGURES and not isinstance(self.state, Loaded | Adding):
            return False
        match action:
            case "table":
                return self.has_class("-narrow")
            case "memories":
                return self.has_class("-narrow") and not self.has_class("-without-memories")
            case "retry":
                return isinstance(self.state, Failed)
            case "back":
                return self._asked is not None and self._asked.month is not None
        return True

    @on(StackedBars.Moved)
    def follow(self, event: StackedBars.Moved) -> None:
        self.units.marked = event.number

    @on(StackedBars.Opened)
    def open_month(self, event: StackedBars.Opened) -> None:
        if self._asked is not None and self._asked.month is None:
            self._ask(replace(self._asked, month=self._asked.months[event.number]))

    def action_back(self) -> None:
        if self._asked is not None and self._asked.month is not None:
            self._ask(replace(self._asked, month=None))

    def action_shift(self, steps: int) -> None:
        """In a month the month before or after, else the twelve months before or after."""
        asked = self._asked
        if asked is None:
            return
        if asked.month is None:
            self._ask(replace(asked, last=shifted(asked.last, steps * MONTHS)))
            return
        month = shifted(asked.month, steps)
        last = asked.last if asked.months[0] <= month <= asked.last else shifted(asked.last, steps * MONTHS)
        self._ask(replace(asked, month=month, last=last))

    def action_group(self) -> None:
        if self._asked is not None:
            following = (GROUPINGS.index(self._asked.by) + 1) % len(GROUPINGS)
            self._ask(replace(self._asked, by=GROUPINGS[following]))

    def action_table(self) -> None:
        """The chart keeps the keys, for the cursor is the table's too."""
        self.remove_class("-remembering")
        self.toggle_class("-listing")
        self.call_after_refresh(self.chart.focus)

    def action_memories(self) -> None:
        self.toggle_class("-remembering")
        self.call_after_refresh(self.chart.focus)

    def action_retry(self) -> None:
        if self.services is None:
            self.post_message(self.Reopen())
        else:
            self._add_up()

    @asks
    async def action_filter(self) -> None:
        asked = self._asked
        clients = await self.attempt(self._services.clients.clients())
        projects = await self.attempt(self._services.clients.projects())
        if asked is None or clients is None or projects is None:
            return
        owners = [one.client.name for one in clients if one.client]
        names = dict.fromkeys(one.project.name for one in projects if one.project)
        where = await self.app.push_screen_wait(SummaryFilterDialog(asked.where, owners, list(names)))
        if where is not None:
            self._ask(replace(asked, where=where))

    @asks
    async def action_export(self) -> None:
        figures = self._figures
        if figures is None:
            return
        asked = figures.asked
        span = f"{asked.month:%Y-%m}" if asked.month else f"{asked.months[0]:%Y-%m}-to-{asked.last:%Y-%m}"
        hint = "A file whose name ends in .csv or .md"
        dialog = PromptDialog("Export", value=f"work-by-{asked.by.value}-{span}.csv", hint=hint, check=_unwritable)
        path = await self.app.push_screen_wait(dialog)
        if path is None:
            return
        try:
            await asyncio.to_thread(_write, path, figures.report)
        except FileExistsError:
            self.tell(f"{path} exists already; choose another name", wrong=True)
        except MemoriaError as error:
            self.tell(str(error), wrong=True)
        else:
            self.tell(f"Wrote {path}")


def _unwritable(text: str) -> str | None:
    if file_of(text).suffix.lower() not in _WRITERS:
        return "The name must end in .csv or .md"
    return why_not_new(text)


def _write(path: str, report: Report) -> None:
    """In the form that the name asks for; never over a file that is there."""
    file = file_of(path)
    write_file(file, _WRITERS[file.suffix.lower()](report), replace=False)
