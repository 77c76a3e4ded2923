"""Writes a new memory: text, type, tags, project, importance."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial

from textual import getters, on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.form import FormSelect
from memoria_tui.dialogs.line_prompt import share_check
from memoria_tui.text.present import glyph
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.line_input import LineInput
from memoria_tui.widgets.memory_editor import SafeTextArea
from memoria_tui.widgets.name_input import NameInput, Names
from services.model import DEFAULT_IMPORTANCE, Memory, MemoryDraft, MemoryType
from services.storable_text import is_blank, split_tags

Create = Callable[[MemoryDraft], Coroutine[object, object, Memory]]
"""Writes a draft; gives the memory."""


class NewMemoryDialog(Dialog[Memory]):
    """A form that stays until its memory is written, which is its answer."""

    KEYS = (("ctrl+s", "save"), ("tab", "next field"), ("esc", "cancel"))
    AUTO_FOCUS = "TextArea"
    BINDINGS = [
        Binding("ctrl+s", "save", "Save", id="new.save", tooltip="Save the memory", priority=True),
        Binding("enter", "next_field", "Next field", id="new.next", show=False, tooltip="Go to the next field"),
    ]

    text = getters.query_one(SafeTextArea)

    def __init__(self, tags: Names, projects: Names, create: Create, draft: Draft | None = None) -> None:
        super().__init__("New memory", draft=draft or Draft(DraftKind.NEW_MEMORY, title="a new memory"))
        self._create = create
        self._tags = tags
        self._projects = projects

    def compose_body(self) -> Iterable[Widget]:
        begun = self._begun.get
        text = SafeTextArea(begun("text", ""), placeholder="What should be remembered? Markdown.", id="text")
        text.border_title = "Text"
        yield text
        yield _problem_line("text")
        with Horizontal(classes="fields"):
            yield _label("Type")
            yield FormSelect(
                [(f"{glyph(kind)} {kind.value}", kind) for kind in _ORDER],
                value=next((kind for kind in _ORDER if kind == begun("type")), MemoryType.SEMANTIC),
                allow_blank=False,
                compact=True,
            )
            yield _label("Project", beside=True)
            yield NameInput(self._projects, begun("project", ""), placeholder="none", id="project", compact=True)
        with Horizontal(classes="fields"):
            yield _label("Tags")
            yield NameInput(
                self._tags,
                begun("tags", ""),
                several=True,
                placeholder="separated by commas",
                id="tags",
                compact=True,
            )
            yield _label("Importance", beside=True)
            yield LineInput(begun("importance", _IMPORTANCE), placeholder="0 to 1", id="importance", compact=True)
        yield _problem_line("importance")
        yield LazyStatic("", id="hint")

    @on(TextArea.Changed)
    @on(Input.Changed)
    @on(NameInput.Known)
    def forget_problems(self) -> None:
        self.say(self.notes)
        for problem in self.query(".problem"):
            problem.display = False

    @on(Input.Submitted)
    def action_next_field(self) -> None:
        self.focus_next()

    def action_save(self) -> None:
        importance = self.query_one("#importance", Input).value.strip() or _IMPORTANCE
        problems = {
            "text": "A memory needs a text" if is_blank(self.text.content) else None,
            "importance": share_check("Importance")(importance),
        }
        if wrong := {name: problem for name, problem in problems.items() if problem}:
            for name, problem in wrong.items():
                line = self.query_one(f"#{name}-problem", Static)
                line.update(problem)
                line.display = True
            self.query_one(f"#{next(iter(wrong))}").focus()
        else:
            draft = MemoryDraft(
                content=self.text.content,
                type=self._type,
                tags=split_tags(self.query_one("#tags", Input).value),
                importance=float(importance),
                project=self.query_one("#project", Input).value.strip() or None,
            )
            self.save(partial(self._create, draft))

    @property
    def _type(self) -> MemoryType:
        kind = self.query_one(Select).value
        return kind if isinstance(kind, MemoryType) else MemoryType.SEMANTIC

    def typed(self) -> Mapping[str, str]:
        lines = {one.id or "": one.value for one in self.query(Input)}
        typed = {"text": self.text.content, "type": self._type.value, **lines}
        return typed if any(value.strip() != EMPTY[name] for name, value in typed.items()) else {}


def _label(text: str, *, beside: bool = False) -> Static:
    return Static(text, classes="label -beside" if beside else "label", markup=False)


def _problem_line(field: str) -> LazyStatic:
    line = LazyStatic("", classes="problem", id=f"{field}-problem")
    line.display = False
    return line


_ORDER = (MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL)
_IMPORTANCE = f"{DEFAULT_IMPORTANCE:g}"
EMPTY = {"text": "", "type": MemoryType.SEMANTIC.value, "project": "", "importance": _IMPORTANCE, "tags": ""}
"""What stands in each field before anything is typed."""


def as_typed(memory: Memory, text: str) -> dict[str, str]:
    """What would have to be typed for a memory like this one, with another text."""
    about = {"type": memory.type.value, "project": memory.project or "", "tags": ", ".join(memory.tags)}
    return {"text": text, "importance": f"{memory.importance:g}", **about}
