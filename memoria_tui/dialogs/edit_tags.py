"""Tags of one memory or of many: what all have, what some have, what is added and taken away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from textual import getters, on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import line
from memoria_tui.user_files.drafts import Draft
from memoria_tui.widgets.choice_list import KeyedList
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.name_input import NameInput, Names
from services.model import Memory
from services.storable_text import split_tags


@dataclass(frozen=True, slots=True)
class TagEdit:
    """What to add to and remove from every memory that was chosen."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


Save = Callable[[TagEdit], Coroutine[object, object, str]]
"""Writes the tags; gives one line that says what was done."""


class TagsDialog(Dialog[str]):
    """An input that adds, and a list in which each tag can be switched; its answer says what was done."""

    KEYS = (("enter", "add"), ("↓ space", "switch"), ("ctrl+s", "save"), ("esc", "cancel"))
    BINDINGS = [
        Binding("ctrl+s", "save", "Save", id="tags.save", tooltip="Save the tags", priority=True),
        Binding("down", "list", "To the list", id="tags.list", tooltip="Go to the list of tags", show=False),
    ]

    options = getters.query_one(OptionList)
    entry = getters.query_one(Input)

    def __init__(self, of: str, memories: Sequence[Memory], names: Names, save: Save, draft: Draft) -> None:
        """`of` names the memories."""
        super().__init__(f"Tags of {of}", draft=draft)
        self._memories = len(memories)
        self._counts = Counter(tag for memory in memories for tag in dict.fromkeys(memory.tags))
        self._wanted: dict[str, bool | None] = {tag: self._initial(tag) for tag in self._counts}
        self._wanted |= {
            tag: key == "added" for key in ("added", "removed") for tag in self._begun.get(key, "").splitlines()
        }
        self._names = names
        self._save = save

    def compose_body(self) -> Iterable[Widget]:
        yield NameInput(self._names, self._begun.get("text", ""), several=True, placeholder="add a tag")
        yield KeyedList()
        yield LazyStatic(id="hint")

    def on_mount(self) -> None:
        self._draw()

    @on(Input.Changed)
    @on(NameInput.Known)
    def show_new(self) -> None:
        self.say(self.notes)

    @on(Input.Submitted)
    def add(self, event: Input.Submitted) -> None:
        if not event.value.strip():
            self.action_save()
            return
        for tag in split_tags(event.value):
            self._wanted[tag] = True
        event.input.clear()
        self._draw()

    @on(OptionList.OptionSelected)
    def switch(self, event: OptionList.OptionSelected) -> None:
        tag = list(self._wanted)[event.option_index]
        self._wanted[tag] = not self._wanted[tag]
        self._draw(event.option_index)

    def key_space(self) -> None:
        if self.options.has_focus:
            self.options.action_select()

    def action_list(self) -> None:
        self.options.focus()
        if self.options.highlighted is None:
            self.options.action_first()

    def action_save(self) -> None:
        pending = split_tags(self.entry.value)
        self._wanted |= dict.fromkeys(pending, True)
        edit = self._edit
        if edit.added or edit.removed:
            self.save(partial(self._save, edit))
        else:
            self.dismiss(None)

    @property
    def _edit(self) -> TagEdit:
        added = tuple(tag for tag, on in self._wanted.items() if on and self._initial(tag) is not True)
        return TagEdit(added, tuple(tag for tag, on in self._wanted.items() if on is False and self._counts[tag]))

    def typed(self) -> Mapping[str, str]:
        parts = {"text": self.entry.value.strip(), "added": "\n".join(self._edit.added)}
        parts["removed"] = "\n".join(self._edit.removed)
        return {name: text for name, text in parts.items() if text}

    def _initial(self, tag: str) -> bool | None:
        """True: all have it; None: some have it; False: none has it."""
        number = self._counts[tag]
        return True if number == self._memories else (None if number else False)

    def _draw(self, highlighted: int | None = None) -> None:
        self.options.set_options(Option(self._label(tag, on)) for tag, on in self._wanted.items())
        self.options.highlighted = highlighted

    def _label(self, tag: str, on: bool | None) -> Content:
        sign, style = {True: ("✓", "$success"), False: ("·", "$foreground 60%"), None: ("–", "$warning")}[on]
        some = f"   {self._counts[tag]} of {self._memories}" if on is None else ""
        return Content.assemble((f" {sign} ", style), (line(tag), "" if on is not False else "$foreground 60%"), some)
