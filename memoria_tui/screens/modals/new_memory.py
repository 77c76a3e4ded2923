"""Writes a new memory: text, type, tags, project, importance."""

from __future__ import annotations

from collections.abc import Iterable

from textual import getters, on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from memoria_tui.present import glyph, safe
from memoria_tui.screens.modals.completing import Complete, Completing
from memoria_tui.screens.modals.confirm import ConfirmDialog
from memoria_tui.screens.modals.dialog import Dialog
from memoria_tui.screens.modals.prompt import importance_problem
from services.model import MemoryDraft, MemoryType


class NewMemoryDialog(Dialog[MemoryDraft]):
    """A form whose answer is the draft to create."""

    KEYS = (("ctrl+s", "save"), ("tab", "next field"), ("esc", "cancel"))
    AUTO_FOCUS = "TextArea"
    BINDINGS = [
        Binding("ctrl+s", "save", "Save", id="new.save", tooltip="Save the memory", priority=True),
    ]

    text = getters.query_one(TextArea)

    def __init__(
        self, complete_tag: Complete, complete_project: Complete, draft: MemoryDraft | None = None, problem: str = ""
    ) -> None:
        """`draft` is one that could not be saved, because of `problem`."""
        super().__init__("New memory")
        self._draft = draft or MemoryDraft("")
        self._problem = problem
        self._tags = Completing(complete_tag)
        self._projects = Completing(complete_project)

    def compose_body(self) -> Iterable[Widget]:
        draft = self._draft
        yield TextArea(draft.content, tab_behavior="focus", placeholder="What should be remembered? Markdown.")
        with Horizontal(classes="fields"):
            yield Select(
                [(f"{glyph(kind)} {kind.value}", kind) for kind in _ORDER],
                value=draft.type,
                allow_blank=False,
                compact=True,
            )
            yield Input(
                draft.project or "", placeholder="project", suggester=self._projects, id="project", compact=True
            )
            yield Input(f"{draft.importance:g}", placeholder="importance", id="importance", compact=True)
        tags = ", ".join(draft.tags)
        yield Input(tags, placeholder="tags, separated by commas", suggester=self._tags, id="tags", compact=True)
        yield Static("", id="hint")

    @on(TextArea.Changed)
    @on(Input.Changed)
    def forget_problem(self) -> None:
        """Fields also tell of what they are filled with at first, which is no answer to the problem."""
        self._say(self._problem if self._begun() else "")

    def _begun(self) -> bool:
        """Whether the form still holds what it began with."""
        draft = self._draft
        held = [field.value for field in self.query(Input)]
        return [self.text.text, *held] == [
            draft.content,
            draft.project or "",
            f"{draft.importance:g}",
            ", ".join(draft.tags),
        ]

    @on(Input.Submitted)
    def next_field(self) -> None:
        self.focus_next()

    def action_save(self) -> None:
        importance = self.query_one("#importance", Input).value.strip() or "0.5"
        if not self.text.text.strip():
            self._say("A memory needs a text")
        elif problem := importance_problem(importance):
            self._say(problem)
        else:
            kind = self.query_one(Select).value
            self.dismiss(
                MemoryDraft(
                    content=self.text.text,
                    type=kind if isinstance(kind, MemoryType) else MemoryType.SEMANTIC,
                    tags=split_tags(self.query_one("#tags", Input).value),
                    importance=float(importance),
                    project=self.query_one("#project", Input).value.strip() or None,
                )
            )

    def action_leave(self) -> None:
        if not self.text.text.strip():
            self.dismiss(None)
            return
        question = "The text you wrote is not saved. Throw it away?"
        self.app.push_screen(ConfirmDialog("Not saved", question, "throw away"), self._leave_if)

    def _leave_if(self, sure: bool | None) -> None:
        if sure:
            self.dismiss(None)

    def _say(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        hint.update(Content(safe(text)))
        hint.set_class(bool(text), "-wrong")


_ORDER = (MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL)


def split_tags(text: str) -> tuple[str, ...]:
    """Tags of a text with commas, each once, in order."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))
