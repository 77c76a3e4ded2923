"""Deleted memories, last deleted first, and the way back for any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import getters, on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.present import age, clip, glyph, line, title
from memoria_tui.screens.modals.dialog import Dialog
from services.model import TrashedMemory
from services.ports import Clock


class TrashDialog(Dialog[tuple[str, ...]]):
    """Its answer are the ids to restore: the marked ones, or the one under the cursor."""

    KEYS = (("space", "mark"), ("enter", "restore"), ("esc", "close"))
    BINDINGS = [
        Binding("space", "mark", "Mark", id="trash.mark", tooltip="Mark for restoring"),
    ]

    options = getters.query_one(OptionList)

    def __init__(self, trashed: Sequence[TrashedMemory], clock: Clock) -> None:
        super().__init__("Trash")
        self._trashed = trashed
        self._clock = clock
        self._marked: set[str] = set()

    def compose_body(self) -> Iterable[Widget]:
        if self._trashed:
            yield OptionList(*self._options())
        else:
            yield Static(Content("The trash is empty."), classes="text")

    @on(OptionList.OptionSelected)
    def restore(self, event: OptionList.OptionSelected) -> None:
        marked = tuple(item.memory.id for item in self._trashed if item.memory.id in self._marked)
        self.dismiss(marked or (self._trashed[event.option_index].memory.id,))

    def action_mark(self) -> None:
        if not self._trashed or (index := self.options.highlighted) is None:
            return
        self._marked ^= {self._trashed[index].memory.id}
        self.options.set_options(self._options())
        self.options.highlighted = min(index + 1, len(self._trashed) - 1)

    def _options(self) -> Iterable[Option]:
        now = self._clock()
        for item in self._trashed:
            mark = "✓" if item.memory.id in self._marked else " "
            relations = f"  ⇄ {item.relations}" if item.relations else ""
            yield Option(
                Content.assemble(
                    (f" {mark} ", "$accent"),
                    (f"{age(item.deleted_at, now):>6}  ", "$foreground 60%"),
                    (f"{glyph(item.memory.type)} ", f"$memory-{item.memory.type.value}"),
                    clip(title(item.memory), 60),
                    (f"  {clip(line(item.actor), 16)}{relations}", "$foreground 60%"),
                )
            )
