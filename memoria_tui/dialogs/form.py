"""A form: named fields in rows, what is wrong said under the field, saved without closing until it succeeds."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TypeVar

from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.field_problems import FieldProblems
from memoria_tui.terminal.textual_internals import begin_at_size
from memoria_tui.text.present import escape_control
from memoria_tui.user_files.drafts import Draft
from memoria_tui.user_files.program_log import refused
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.line_input import LineInput
from memoria_tui.widgets.memory_editor import SafeTextArea
from memoria_tui.widgets.name_input import NameInput, Names
from memoria_tui.write_queue import write
from services.errors import MemoriaError

Answer = TypeVar("Answer")
Chosen = TypeVar("Chosen")
Values = Mapping[str, str]
"""What stands in the fields, by their names, without blanks around."""
_BEFORE = "before "
"""Begins the name by which a draft has what stood in a field before it was typed into."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a form asks for."""

    name: str
    label: str
    value: str = ""
    placeholder: str = ""
    names: Names | None = None
    """What it asks for is a name."""
    of: str = ""
    """The field that names what these names belong to."""
    choices: Sequence[str] = ()
    """Not empty: one of these."""
    lines: int = 0
    """Not 0: a text of several lines, so many of them in sight."""


class Outdated(Exception):
    """Another program changed what the form shows, and nothing was saved; the form goes on from what stands there."""

    def __init__(self, now: Values) -> None:
        super().__init__("changed by another program")
        self.now = now
        """What stands in the store, by field."""


class FormSelect(Select[Chosen], inherit_bindings=False):
    """A field of a few values: space and the arrows open its list, enter means what it means in every other field."""

    BINDINGS = [
        Binding("space,down,up", "show_overlay", "Choices", id="select.open", show=False, tooltip="Show the choices"),
    ]


class FormDialog(Dialog[Answer]):
    """Asks for everything at once; `save` may refuse with FieldProblems, Outdated or an error of the services."""

    AUTO_FOCUS = "Input, Select, TextArea"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal")]
    BINDINGS = [
        Binding("ctrl+s", "save", "Save", id="form.save", tooltip="Save what is in the fields", priority=True),
        Binding("enter", "save", "Save", id="form.enter", show=False, tooltip="Save what is in the fields"),
    ]

    def __init__(
        self,
        title: str,
        rows: Sequence[Sequence[Field]],
        save: Callable[[Values], Coroutine[object, object, Answer]],
        *,
        verb: str = "save",
        writes: str = "",
        facts: Content | Callable[[Values], Content] | None = None,
        ticks: bool = False,
        draft: Draft | None = None,
    ) -> None:
        """`facts` stand above the fields, and may tell what they would do, with `ticks` again each second; where they
        raise FieldProblems, that is told instead until it stands at the field.

        `writes` names what `save` writes, in its turn among the other writes; "": it only reads."""
        super().__init__(title, draft=draft)
        self._writes = writes
        self._rows = rows
        self._save = save
        self._facts = facts
        self._ticks = ticks
        self._refused: Values | None = None
        """What could not be saved as it stood."""
        self._fields = [field for row in rows for field in row]
        self._entries: dict[str, Widget] = {}
        """Where each field is typed into."""
        self._problems: dict[str, Static] = {}
        """The line under each field that something was wrong with; hidden while nothing is."""
        self._said = ""
        """The hint below the fields."""
        self._before = {field.name: field.value.strip() for field in self._fields}
        self._outside = {
            name: now
            for name, now in self._before.items()
            if now not in (self._begun.get(_BEFORE + name, now), self._begun.get(name))
        }
        """What others wrote since a draft was typed, in its fields, and what is not said yet."""
        names = (("↓", "names"),) if any(field.names for field in self._fields) else ()
        choices = (("space", "choices"),) if any(field.choices for field in self._fields) else ()
        save_key = "ctrl+s" if any(field.lines for field in self._fields) else "enter"
        self._keys = ((save_key, verb), ("tab", "next field"), *names, *choices, ("esc", "cancel"))

    def compose_body(self) -> Iterable[Widget]:
        begin_at_size(self)
        if self._facts is not None:
            facts = self._told({**self._before, **self._begun})
            shown = LazyStatic(facts, id="facts", classes="facts")
            shown.display = bool(facts)
            yield shown
        with VerticalScroll(can_focus=False, classes="form"):
            for place, row in enumerate(self._rows):
                with Horizontal(classes="row") as line:
                    line.set_class(not place, "-first")
                    line.set_class(len(row) > 2, "-many")
                    for beside, field in enumerate(row):
                        yield Static(Content(field.label), classes="label -beside" if beside else "label")
                        entry = self._entries[field.name] = _entry(field, self._begun.get(field.name, field.value))
                        yield entry
        yield LazyStatic("", id="hint")

    def on_mount(self) -> None:
        self.narrow_names()
        if self._ticks:
            self.set_interval(1.0, self.show_facts)

    # what was typed

    @property
    def name_fields(self) -> Iterable[NameInput]:
        return (entry for entry in self._entries.values() if isinstance(entry, NameInput))

    def say(self, text: str, *, wrong: bool = False) -> None:
        super().say(text, wrong=wrong)
        self._said = text

    def values(self) -> dict[str, str]:
        """What stands in the fields."""
        return {name: _value(entry) for name, entry in self._entries.items()}

    def typed(self) -> Mapping[str, str]:
        return {name: value for name, value in self.values().items() if value != self._before[name]}

    @property
    def draft(self) -> Draft | None:
        """With what it began from where it belongs to something that others can change."""
        if (draft := super().draft) is None or not draft.of:
            return draft
        unsaid = {name: self._begun[_BEFORE + name] for name in self._outside}
        before = {_BEFORE + name: unsaid.get(name, self._before[name]) for name in draft.values}
        return replace(draft, values={**draft.values, **before})

    @on(Input.Changed)
    def narrow_names(self) -> None:
        """A project is one of the client that stands beside it."""
        values = self.values()
        for field in (field for field in self._fields if field.of):
            entry = self._entries[field.name]
            assert isinstance(entry, NameInput)
            entry.belong_to(values[field.of])

    @on(Input.Changed)
    @on(TextArea.Changed)
    def show_facts(self) -> None:
        if callable(self._facts):
            shown, facts = self.query_one("#facts", Static), self._told(self.values())
            shown.update(facts)
            shown.display = bool(facts)

    def _told(self, values: Values) -> Content:
        """The facts, or the first thing that is wrong and stands at no field yet."""
        if not callable(self._facts):
            return self._facts or Content()
        try:
            return self._facts(values)
        except FieldProblems as wrong:
            said = {name for name, line in self._problems.items() if line.display}
            labels = {field.name: field.label for field in self._fields}
            told = (f"{labels[name]}: {text}" for name, text in wrong.problems.items() if name not in said)
            return Content.styled(escape_control(next(told, "")), "$warning")

    @on(TextArea.Changed)
    @on(Input.Changed)
    @on(NameInput.Known)
    def forget_problems(self) -> None:
        if self.values() == self._refused:
            return  # news of a change from before
        if (notes := self.notes) != self._said:
            self.say(notes)
        if any(problem.display for problem in self._problems.values()):
            for problem in self._problems.values():
                problem.display = False
            self.show_facts()

    # saving and leaving

    @on(Input.Submitted)
    def action_save(self) -> None:
        if not self.saving:
            self._attempt(self.values(), self.hold())

    @work(group="saving")
    async def _attempt(self, values: Values, go_on: Callable[[], None]) -> None:
        self.forget_problems()
        if self._outside:
            go_on()
            self._refused = values
            self._show_outside(self._outside)
            self._outside = {}
            return
        try:
            act = self._save(values)
            answer = await (write(self.app, self._writes, act) if self._writes else act)
        except FieldProblems as wrong:
            go_on()
            self._refused = values
            self._say_at_fields(wrong.problems)
        except Outdated as outside:
            go_on()
            self._go_on_from(outside.now)
        except MemoriaError as error:
            go_on()
            refused(error)
            self._refused = values
            self.say(str(error), wrong=True)
        else:
            self.dismiss(answer)

    def _go_on_from(self, now: Values) -> None:
        """Takes what stands outside where the person typed nothing, and says it where saving overwrites it."""
        before, mine = self._before, self.values()
        self._before = {name: now[name].strip() for name in before}
        theirs = {name: text for name, text in self._before.items() if text not in (before[name], mine[name])}
        for name in [name for name in theirs if mine[name] == before[name]]:
            _fill(self._entries[name], theirs.pop(name))
        self._refused = None
        self.forget_problems()
        self._refused = self.values()
        self.show_facts()
        self._show_outside(theirs)
        if not theirs:
            self.action_save()

    def _show_outside(self, theirs: Values) -> None:
        """Says what others wrote into fields, under each."""
        again = f"Changed by another program; {self._keys[0][0]} again overwrites what stands there now"
        told = {name: f":\n{text}" if "\n" in text else f": {text or 'nothing'}" for name, text in theirs.items()}
        self._say_at_fields({name: again + stands for name, stands in told.items()})

    def _say_at_fields(self, problems: Mapping[str, str]) -> None:
        """Says each under its field, and goes to the first of them."""
        wrong = [name for name in self._entries if name in problems]
        for name in wrong:
            told, line = Content(escape_control(problems[name])), self._problems.get(name)
            if line is None:
                line = LazyStatic(told, classes="problem", id=f"{name}-problem")
                self.query_one(".form").mount(line, after=self._above(name))
                self._problems[name] = line
            line.update(told)
            line.display = True
        if wrong:
            self._entries[wrong[0]].focus()
            self.call_after_refresh(self._problems[wrong[0]].scroll_visible)
        self.show_facts()

    def _above(self, field: str) -> Widget:
        """What the line under a field comes after: its row, or the line of the field beside it."""
        row = self._entries[field].parent
        assert isinstance(row, Widget)
        before = [name for name in takewhile(lambda name: name != field, self._entries) if name in self._problems]
        beside = [self._problems[name] for name in before if self._entries[name].parent is row]
        return beside[-1] if beside else row


def _value(entry: Widget) -> str:
    match entry:
        case SafeTextArea():
            return entry.content.strip()
        case Input():
            return entry.value.strip()
    assert isinstance(entry, Select)
    return str(entry.value)


def _fill(entry: Widget, value: str) -> None:
    match entry:
        case SafeTextArea():
            entry.fill(value)
        case Input() | Select():
            entry.value = value


def _entry(field: Field, value: str) -> Widget:
    if field.choices:
        options = [(choice, choice) for choice in field.choices]
        value = value if value in field.choices else field.value
        return FormSelect(options, value=value, allow_blank=False, compact=True, id=field.name)
    if field.lines:
        text = SafeTextArea(value, id=field.name, compact=True, placeholder=field.placeholder)
        text.styles.height = field.lines
        return text
    if field.names:
        return NameInput(
            field.names,
            value,
            placeholder=field.placeholder,
            id=field.name,
            compact=True,
            select_on_focus=False,
        )
    return LineInput(value, placeholder=field.placeholder, id=field.name, compact=True, select_on_focus=False)
