"""Which clients, projects and categories count in the summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events, getters, on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.present import clip, line
from services.model import ReportBy, SessionCategory
from services.work.export import named
from services.work.work_values import SessionFilter

Choice = tuple[ReportBy, str | None]
_WIDTH = 40


class SummaryFilterDialog(Dialog[SessionFilter]):
    """A list to mark in; of each kind all count while none is marked."""

    KEYS = (("space", "mark"), ("enter", "show"), ("backspace", "all"), ("esc", "cancel"))
    BINDINGS = [Binding("backspace", "all", "All", id="filter.all", tooltip="Count everything again")]

    options = getters.query_one(OptionList)

    def __init__(self, where: SessionFilter, clients: Sequence[str], projects: Sequence[str]) -> None:
        super().__init__("Count only")
        self._choices: list[Choice] = [
            *((ReportBy.CLIENT, name) for name in (*clients, None)),
            *((ReportBy.PROJECT, name) for name in (*projects, None)),
            *((ReportBy.CATEGORY, category.value) for category in SessionCategory),
        ]
        self._marked: set[Choice] = {
            *((ReportBy.CLIENT, name) for name in where.clients),
            *((ReportBy.PROJECT, name) for name in where.projects),
            *((ReportBy.CATEGORY, category.value) for category in where.categories),
        }

    def compose_body(self) -> Iterable[Widget]:
        yield OptionList(*self._rows())

    def on_key(self, event: events.Key) -> None:
        place = self.options.highlighted
        if event.key == "space" and place is not None:
            event.stop()
            self._marked ^= {self._choices[place]}
            self.options.replace_option_prompt_at_index(place, self._row(self._choices[place]))

    @on(OptionList.OptionSelected)
    def show(self) -> None:
        def marked(by: ReportBy) -> tuple[str | None, ...]:
            return tuple(name for kind, name in self._choices if kind is by and (kind, name) in self._marked)

        categories = tuple(SessionCategory(str(name)) for name in marked(ReportBy.CATEGORY))
        self.dismiss(
            SessionFilter(clients=marked(ReportBy.CLIENT), projects=marked(ReportBy.PROJECT), categories=categories)
        )

    def action_all(self) -> None:
        self.dismiss(SessionFilter())

    def _rows(self) -> list[Option]:
        return [Option(self._row(choice)) for choice in self._choices]

    def _row(self, choice: Choice) -> Content:
        by, name = choice
        sign = "✓" if choice in self._marked else " "
        return Content.assemble(
            (f" {sign} ", "bold $accent"), (f"{by.value:<9}", "$foreground 55%"), clip(line(named(name, by)), _WIDTH)
        )
