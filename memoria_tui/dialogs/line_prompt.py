"""Asks for one line: an importance, a project, a path."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.user_files.drafts import Draft
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.line_input import LineInput
from memoria_tui.widgets.name_input import NameInput, Names
from memoria_tui.widgets.path_input import PathInput

Check = Callable[[str], str | None]
"""Text → what is wrong with it, or None."""
Save = Callable[[str], Coroutine[object, object, str]]
"""Writes what was typed; gives the answer of the dialog."""


class PromptDialog(Dialog[str]):
    """One input; what is wrong is said under it, and enter is refused until it is right."""

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        hint: str = "",
        check: Check | None = None,
        names: Names | None = None,
        save: Save | None = None,
        draft: Draft | None = None,
        leave: str = "cancel",
        is_path: bool = False,
    ) -> None:
        """With `save` the dialog stays until that succeeded, and its answer is what it gives.

        `leave` says what esc does. `is_path`: paths that are there are completed.
        """
        listed = (("↓", names.noun + "s"),) if names is not None else (("tab", "complete"),) if is_path else ()
        super().__init__(title, keys=(("enter", "ok"), *listed, ("esc", leave)), draft=draft)
        self._save = save
        self._value = value
        self._hint = hint
        self._check = check
        self._refused: str | None = None
        """What could not be answered as it was typed."""
        self._names = names
        self._is_path = is_path

    def compose_body(self) -> Iterable[Widget]:
        text = self._begun.get("text", self._value)
        plain = PathInput(text) if self._is_path else LineInput(text)
        yield NameInput(self._names, text) if self._names else plain
        yield LazyStatic(Content(self._hint), id="hint")

    def typed(self) -> Mapping[str, str]:
        text = self.query_one(Input).value.strip()
        return {} if text == self._value.strip() else {**self._begun, "text": text}

    @on(Input.Changed)
    @on(NameInput.Known)
    def forget_problem(self) -> None:
        if self.query_one(Input).value.strip() != self._refused:  # not news of a change from before
            self.say(" · ".join(filter(None, (self.notes, self._hint))))

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if self._check and (problem := self._check(text)):
            self._refused = text
            self.say(problem, wrong=True)
        elif self._save is not None:
            self._refused = text
            self.save(partial(self._save, text))
        else:
            self.dismiss(text)


def nameless(text: str) -> str | None:
    return None if text else "A name is needed"


def share_check(what: str) -> Check:

    def problem(text: str) -> str | None:
        try:
            fine = 0.0 <= float(text) <= 1.0
        except ValueError:
            fine = False
        return None if fine else f"{what} is a number from 0 to 1"

    return problem
