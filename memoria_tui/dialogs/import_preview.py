"""What an import would do, before it does it: how much is new or changed, samples, what is left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import clip, colour, escape_control, glyph, line
from services.model import counted
from services.transfer.import_outcome import KEPT_AS_HERE

if TYPE_CHECKING:
    from services.transfer.import_outcome import Side
    from services.transfer.import_run import ImportReport, Remark

_QUIET = "$foreground 60%"
_SHOWN = 200
"""Remarks of a kind that are shown."""
_MOST_LINES, _LONGEST_LINE = 40, 2_000
"""Of a text that is taken."""


class ImportAnswer(StrEnum):
    """What a person says of it."""

    IMPORT = "import"
    COMPARE = "compare"
    """Sides are chosen where both changed."""


class ImportPreviewDialog(Dialog[str]):
    """Its answer is an ImportAnswer."""

    KEYS = (("enter", "import"), ("↑↓", "scroll"), ("esc", "leave all as it is"))
    BINDINGS = [
        Binding("enter", "answer('import')", "Import", id="import.yes", tooltip="Import it so"),
        Binding("c", "answer('compare')", "Compare", id="import.compare", tooltip="Choose a side where both changed"),
    ]

    def __init__(self, what: str, report: ImportReport, sides: Mapping[str, Side]) -> None:
        """`report` is of a dry run; `sides` are those that the person took, by memory."""
        self._writes = bool(sides or report.memories or report.relations or report.sessions)
        keys = self.KEYS if self._writes else self.KEYS[1:]
        if report.kept:
            keys = (*keys[:-1], ("c", "compare what both changed"), *keys[-1:])
        super().__init__(f"Import of {what}", keys=keys)
        self._report = report
        self._sides = sides

    def compose_body(self) -> Iterable[Widget]:
        with VerticalScroll():
            yield Static(Content("\n").join(self._lines()), classes="text")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        can = (
            self._writes
            if parameters == (ImportAnswer.IMPORT,)
            else bool(self._report.kept) or parameters != (ImportAnswer.COMPARE,)
        )
        return can and super().check_action(action, parameters)

    def _lines(self) -> Iterable[Content]:
        report = self._report
        decided = sum(one.memory_id in self._sides for one in report.kept)
        counts = (
            (report.created, "new", "$success"),
            (report.memories - report.created, "changed", "$warning"),
            (report.unchanged, "unchanged", _QUIET),
            (len(report.kept) - decided, "kept as here", "$warning"),
            (decided, "decided", "$warning"),
            (len(report.failed), "left out", "$error"),
            (len(report.missing), "no longer in the source", _QUIET),
        )
        yield Content(" · ").join(
            Content.styled(f"{number:,} {word}", style) for number, word, style in counts if number
        )
        others = [counted(number, noun) for number, noun in (
            (report.relations, "relation"), (report.sessions, "work session"), (report.clients, "client"),
            (report.projects, "project"),
        ) if number]  # fmt: skip
        if others:
            yield Content.styled(f"with {', '.join(others)}", _QUIET)
        if not self._writes:
            yield Content("Nothing would be written.")
        if report.broken:
            yield Content.styled(f"\n{line(report.broken)}", "$error")
        for title, side in (
            ("stays as it is here", None),
            ("yours is taken", "mine"),
            ("the source's is taken", "theirs"),
        ):
            some = [one for one in report.kept if self._sides.get(one.memory_id) == side]
            yield from _remarks(f"Changed here and there: {title}", some, side)
        for title, remarks in (
            ("Left out", report.failed),
            ("Imported, but not as in the source", report.notes),
            ("No longer in the source", report.missing),
        ):
            yield from _remarks(title, remarks)
        if report.samples:
            yield Content.styled("\nWhat would be written first", "bold")
        for one in report.samples:
            sign, style = ("new    ", "$success") if one.is_new else ("changed", "$warning")
            kind = (glyph(one.type), colour(one.type))
            yield Content.assemble((f"  {sign} ", style), kind, f" {clip(line(one.title), 80)}")


def _remarks(title: str, remarks: Sequence[Remark], side: str | None = None) -> Iterable[Content]:
    """`side` is the one that is taken, whose text is shown."""
    if remarks:
        yield Content.styled(f"\n{title} ({len(remarks):,})", "bold")
    for one in remarks[:_SHOWN]:
        said = line(str(one)) if side is None else line(str(one)).removesuffix(f": {KEPT_AS_HERE}")
        yield Content(f"  {clip(said, 400)}")
        if side is not None and one.texts is not None:
            yield from _taken(one.texts[side == "theirs"])
    if len(remarks) > _SHOWN:
        yield Content.styled(f"  … {len(remarks) - _SHOWN:,} more: memoria-tui import --dry-run lists them", _QUIET)


def _taken(text: str) -> Iterable[Content]:
    """The lines of a text, set off at the left; "" is a memory that was deleted here."""
    lines = escape_control(text).splitlines()
    for one in lines[:_MOST_LINES] or ["It stays deleted."]:
        yield Content.assemble(("    │ ", _QUIET), clip(one, _LONGEST_LINE))
    if len(lines) > _MOST_LINES:
        yield Content.styled(f"    … {counted(len(lines) - _MOST_LINES, 'more line')}", _QUIET)
