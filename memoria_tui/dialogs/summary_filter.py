"""Which clients, projects and categories count in the summary."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.content import Content

from memoria_tui.dialogs.multi_choice import MultiChoiceDialog
from memoria_tui.text.present import clip, line
from services.model import ReportBy, SessionCategory
from services.work.report_files import named
from services.work.report_values import SessionFilter

Choice = tuple[ReportBy, str | None]
_WIDTH = 40


class SummaryFilterDialog(MultiChoiceDialog[Choice]):
    """A list to mark in; of each kind all count while none is marked."""

    KEYS = (("space", "mark"), ("enter", "show"), ("backspace", "all"), ("esc", "cancel"))
    BINDINGS = [Binding("backspace", "all", "All", id="filter.all", tooltip="Count everything again")]

    def __init__(self, where: SessionFilter, clients: Sequence[str], projects: Sequence[str]) -> None:
        choices: list[Choice] = [
            *((ReportBy.CLIENT, name) for name in (*clients, None)),
            *((ReportBy.PROJECT, name) for name in (*projects, None)),
            *((ReportBy.CATEGORY, category.value) for category in SessionCategory),
        ]
        marked: list[Choice] = [
            *((ReportBy.CLIENT, name) for name in where.clients),
            *((ReportBy.PROJECT, name) for name in where.projects),
            *((ReportBy.CATEGORY, category.value) for category in where.categories),
        ]
        super().__init__("Count only", choices, marked, _row)


def filter_of(marked: Sequence[Choice]) -> SessionFilter:
    """What the dialog answered, as a filter."""
    names = {by: tuple(name for kind, name in marked if kind is by) for by in ReportBy}
    categories = tuple(SessionCategory(str(name)) for name in names[ReportBy.CATEGORY])
    return SessionFilter(clients=names[ReportBy.CLIENT], projects=names[ReportBy.PROJECT], categories=categories)


def _row(choice: Choice, sign: str) -> Content:
    by, name = choice
    return Content.assemble(
        (f" {sign} ", "bold $accent"), (f"{by.value:<9}", "$foreground 55%"), clip(line(named(name, by)), _WIDTH)
    )
