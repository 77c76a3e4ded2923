"""Says what an undo or a redo would do, and what was changed since, before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import changed_values
from memoria_tui.text.present import age, clip, line
from services.model import ChangedSince, UndoPreview
from services.ports import Clock

_SHOWN = 8
"""Changed things that are shown one by one."""
_QUIET = "$foreground 60%"


class UndoChoice(StrEnum):
    """What a person decides about it."""

    ALL = "all"
    FORCE = "force"
    """Also what was changed since."""
    REST = "rest"
    """Leave what was changed since."""
    SKIP = "skip"
    """Look at the act before."""


class UndoDialog(Dialog[str]):
    """The act, why it is asked, and both versions of what was changed since; esc leaves all as it is.

    Answers an UndoChoice."""

    QUESTION = True
    BINDINGS = [
        Binding("y", "answer('all')", "Yes", id="undo.all", tooltip="Do it"),
        Binding("f", "answer('force')", "Force", id="undo.force", tooltip="Do it also for what was changed since"),
        Binding("r", "answer('rest')", "The rest", id="undo.rest", tooltip="Leave what was changed since"),
        Binding("s", "answer('skip')", "Skip", id="undo.skip", tooltip="Look at the act before"),
    ]

    def __init__(
        self,
        preview: UndoPreview,
        reasons: Sequence[str],
        clock: Clock,
        *,
        can_skip: bool = True,
        again: bool = False,
    ) -> None:
        """`again`: others changed something since the person decided."""
        self._again = again
        self._verb = "Redo" if preview.redo else "Undo"
        super().__init__(f"{self._verb} this?" if not preview.changed else "Changed since")
        self._preview = preview
        self._reasons = reasons
        self._clock = clock
        self._choices = self._possible(can_skip)
        verb = self._verb.lower()
        keys = {
            "all": ("y", verb),
            "force": ("f", f"{verb} all the same"),
            "rest": ("r", "only the rest"),
            "skip": ("s", "the act before"),
        }
        self._keys = (*(keys[choice] for choice in self._choices), ("esc", "cancel"))

    def _possible(self, can_skip: bool) -> list[str]:
        preview = self._preview
        choices = ["rest"] if preview.changed and preview.effects else []
        if any(one.forceable for one in preview.changed):
            choices.append("force")
        elif preview.effects and not preview.changed:
            choices.append("all")
        return choices + (["skip"] if can_skip and not preview.redo else [])

    def compose_body(self) -> Iterable[Widget]:
        with VerticalScroll():
            yield Static(Content("\n").join(self._lines()), classes="text")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "answer" and parameters[0] not in self._choices:
            return False
        return super().check_action(action, parameters)

    def _lines(self) -> Iterable[Content]:
        act, preview = self._preview.act, self._preview
        yield Content.styled(line(act.summary), "bold")
        yield Content.styled(f"{age(act.at, self._clock())} · {line(act.actor)} · {line(act.program)}", _QUIET)
        if len(act.titles) > 1:
            yield Content.styled(", ".join(f'"{clip(line(one), 40)}"' for one in act.titles), _QUIET)
        if self._again:
            yield Content.styled("\nAnother program changed it while you were asked; nothing was written.", "$warning")
        if self._reasons:
            yield Content(f"\nAsked because {line('; '.join(self._reasons))}.")
        if preview.changed:
            yield Content(f"\nChanged since ({len(preview.changed):,}):")
        for one in preview.changed[:_SHOWN]:
            yield from _both(one)
        if len(preview.changed) > _SHOWN:
            yield Content.styled(f"… and {len(preview.changed) - _SHOWN:,} more", _QUIET)
        if preview.kept:
            yield Content("\nKept in any case:")
        for one in preview.kept[:_SHOWN]:
            yield Content.styled(f"  {line(one.line)}", _QUIET)


def _both(one: ChangedSince) -> Iterable[Content]:
    """What is there now, and what would be there."""
    yield Content.styled(f"  {clip(line(one.line), 100)}", "$warning")
    if one.now is None or one.goal is None:
        gone = "it is not there now" if one.now is None else "it would be removed"
        yield Content.styled(f"    {gone}", _QUIET)
        return
    yield from changed_values(one.now, one.goal, one.what.split(", "), indent="    ")
