"""Asks for one line: an importance, a project, a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from memoria_tui.present import safe
from memoria_tui.screens.modals.completing import Complete, Completing
from memoria_tui.screens.modals.dialog import Dialog

Check = Callable[[str], str | None]
"""Text → what is wrong with it, or None."""


class PromptDialog(Dialog[str]):
    """One input; what is wrong is said under it, and enter is refused until it is right."""

    KEYS = (("enter", "ok"), ("→", "complete"), ("esc", "cancel"))

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        hint: str = "",
        check: Check | None = None,
        complete: Complete | None = None,
    ) -> None:
        super().__init__(title)
        self._value = value
        self._hint = hint
        self._check = check
        self._suggester = Completing(complete) if complete else None
        if complete is None:
            self._keys = (("enter", "ok"), ("esc", "cancel"))

    def compose_body(self) -> Iterable[Widget]:
        yield Input(self._value, suggester=self._suggester)
        yield Static(Content(self._hint), id="hint")

    @on(Input.Changed)
    def forget_problem(self) -> None:
        self._say(self._hint, wrong=False)

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if self._check and (problem := self._check(text)):
            self._say(problem, wrong=True)
        else:
            self.dismiss(text)

    def _say(self, text: str, *, wrong: bool) -> None:
        hint = self.query_one("#hint", Static)
        hint.update(Content(safe(text)))
        hint.set_class(wrong, "-wrong")


def importance_problem(text: str) -> str | None:
    """Says what an importance must be when `text` is none."""
    try:
        fine = 0.0 <= float(text) <= 1.0
    except ValueError:
        fine = False
    return None if fine else "Importance is a number from 0 to 1"
