"""Deleted memories, last deleted first: bring any of them back, or erase them for good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import excerpt
from memoria_tui.text.present import age, clip, fit, labelled, line, title
from memoria_tui.widgets.choice_list import KeyedList
from memoria_tui.widgets.lazy_static import LazyStatic
from services.errors import MemoriaError
from services.model import Subject, TrashedMemory
from services.ports import Clock


@dataclass(frozen=True, slots=True)
class TrashChoice:
    """What a person wants done with memories of the trash."""

    ids: tuple[str, ...]
    purge: bool = False
    """Erase them for good instead of bringing them back."""


@dataclass(frozen=True, slots=True)
class Trash:
    """What is in the trash."""

    newest: Sequence[TrashedMemory]
    """As many as a list shows."""
    numbers: Mapping[str, int]
    """All, by their ids: the number of the change that deleted each."""


class TrashDialog(Dialog[TrashChoice]):
    """Its answer concerns the marked memories, or the one under the cursor when none is marked."""

    AUTO_FOCUS = "OptionList"
    FOLLOWS = frozenset({Subject.MEMORIES, Subject.HISTORY})
    KEYS = (
        ("space", "mark"),
        ("a", "mark all"),
        ("/", "filter"),
        ("enter", "restore"),
        ("Z", "erase for good"),
        ("E", "empty"),
        ("esc", "close"),
    )
    BINDINGS = [
        Binding("space", "mark", "Mark", id="trash.mark", tooltip="Mark for restoring or erasing"),
        Binding("a", "mark_all", "Mark all", id="trash.mark_all", tooltip="Mark all that are shown, or none"),
        Binding("slash", "filter", "Filter", id="trash.filter", tooltip="Show only what has a text"),
        Binding("Z", "purge", "Erase for good", id="trash.purge", tooltip="Erase text, vectors and history"),
        Binding("E", "empty", "Empty", id="trash.empty", tooltip="Erase all of the trash for good"),
    ]

    options = getters.query_one(OptionList)

    def __init__(self, trash: Trash, load: Callable[[], Awaitable[Trash]], clock: Clock) -> None:
        """`load` reads it again."""
        super().__init__("Trash")
        self.trash = trash
        """As it is shown."""
        self._read = load
        self._shown = tuple(trash.newest)
        self._clock = clock
        self._marked: set[str] = set()

    def compose_body(self) -> Iterable[Widget]:
        self.show_empty(not self.trash.newest)
        if not self.trash.newest:
            yield Static(Content("The trash is empty. d in Memories moves a memory here."), classes="text")
            return
        words = Input(placeholder="Part of a text", compact=True, id="filter")
        words.display = False
        yield words
        yield KeyedList(*self._options())
        with VerticalScroll(id="preview"):
            yield LazyStatic(_text(self.trash.newest[0]), id="text")
        hint = LazyStatic("", id="hint")
        hint.display = False
        yield hint

    def on_mount(self) -> None:
        super().on_mount()
        self._count()

    @work(exclusive=True, group="reading")
    async def changed_outside(self) -> None:
        try:
            now = await self._read()
        except MemoriaError:
            return  # what is done next tells it
        was_empty, self.trash = not self.trash.newest, now
        if was_empty or not now.newest:
            self._shown = tuple(now.newest)
            self._marked.clear()
            await self.recompose()
            self._count()
            self.set_focus(self.query(OptionList).first() if now.newest else None)
        else:
            self._show_again()

    def _show_again(self) -> None:
        """The cursor stays on its memory, else in its place, which is told."""
        before, place = self._current, self.options.highlighted or 0
        self._narrow(self.query_one("#filter", Input).value)
        ids = [one.memory.id for one in self._shown]
        if before is not None and before.memory.id in ids:
            self._draw(ids.index(before.memory.id))
            return
        self._draw(min(place, len(ids) - 1) if ids else None)
        if before is not None:
            told = f'"{clip(title(before.memory), 40)}" was restored or erased by another program'
            self.say_taken(before.memory.id, told)

    def _count(self) -> None:
        """How many are in the trash, shown and marked, above it."""
        parts = ["Trash", *([f"{len(self.trash.numbers):,}"] if self.trash.numbers else [])]
        if len(self._shown) < len(self.trash.numbers):
            parts.append(f"{len(self._shown):,} shown")
        if self._marked:
            parts.append(f"{len(self._marked):,} marked")
        self.query_one("#dialog").border_title = Content(" · ".join(parts))

    @property
    def _current(self) -> TrashedMemory | None:
        index = self.options.highlighted if self._shown else None
        return None if index is None else self._shown[index]

    @property
    def _chosen(self) -> tuple[str, ...]:
        marked = tuple(one.memory.id for one in self.trash.newest if one.memory.id in self._marked)
        current = self._current
        return marked or ((current.memory.id,) if current else ())

    @on(OptionList.OptionHighlighted)
    def show_text(self) -> None:
        if (current := self._current) is not None:
            self.query_one("#text", Static).update(_text(current))
            self.query_one("#preview").scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    def restore(self) -> None:
        self._answer(purge=False)

    def action_purge(self) -> None:
        self._answer(purge=True)

    def action_empty(self) -> None:
        if self.trash.numbers:
            self.dismiss(TrashChoice(tuple(self.trash.numbers), purge=True))

    def _answer(self, *, purge: bool) -> None:
        if (ids := self._chosen if self.trash.newest else ()) and not self.pressed_on_what_is_gone:
            self.dismiss(TrashChoice(ids, purge))

    def action_mark(self) -> None:
        if self.trash.newest and (current := self._current) is not None:
            self._marked ^= {current.memory.id}
            index = self._shown.index(current)
            self._draw(min(index + 1, len(self._shown) - 1))

    def action_mark_all(self) -> None:
        if self.trash.newest:
            shown = {one.memory.id for one in self._shown}
            self._marked = self._marked - shown if shown <= self._marked else self._marked | shown
            self._draw(self.options.highlighted)

    def action_filter(self) -> None:
        if self.trash.newest:
            words = self.query_one("#filter", Input)
            words.display = True
            words.focus()

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        self._narrow(event.value)
        self._draw(0 if self._shown else None)
        if not self._shown:
            self.query_one("#text", Static).update(Content("No deleted memory has this text."))

    def _narrow(self, text: str) -> None:
        """Marks of what is not shown go: only what is seen is acted on."""
        self._shown = tuple(one for one in self.trash.newest if text.casefold() in _searched(one))
        self._marked &= {one.memory.id for one in self._shown}

    @on(Input.Submitted)
    def to_the_list(self) -> None:
        self.options.focus()

    def _draw(self, highlighted: int | None) -> None:
        self.options.set_options(self._options())
        self.options.highlighted = highlighted
        self._count()

    def _options(self) -> Iterable[Option]:
        now = self._clock()
        for item in self._shown:
            mark = "✓" if item.memory.id in self._marked else " "
            relations = f"  ⇄ {item.relations}" if item.relations else ""
            yield Option(
                Content.assemble(
                    (f" {mark} ", "$accent"),
                    (f"{age(item.deleted_at, now):>6}  {fit(line(item.actor), 10)}  ", "$foreground 60%"),
                    labelled(item.memory, 200),
                    (relations, "$foreground 60%"),
                )
            )


def _searched(item: TrashedMemory) -> str:
    """What the filter looks into."""
    return "\n".join([item.memory.content, item.memory.project or "", *item.memory.tags, item.actor]).casefold()


def _text(item: TrashedMemory) -> Content:
    """Project, tags and text."""
    about = "  ".join(line(one) for one in (item.memory.project or "", *item.memory.tags) if one)
    return Content("\n").join(
        [*([Content.styled(about, "$foreground 60%")] if about else []), excerpt(item.memory.content)]
    )
