"""The changes of one memory, newest first, what each did to the text, and the way back to an earlier version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, tzinfo

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import changed_values, excerpt, state_text
from memoria_tui.text.present import age, clip, line, title
from memoria_tui.widgets.choice_list import KeyedList, is_there
from memoria_tui.widgets.lazy_static import LazyStatic
from services.errors import MemoriaError
from services.memories.payload import State
from services.model import Change, Memory, Subject
from services.ports import Clock
from services.times import minute

Read = Callable[[int | None], Awaitable[Sequence[Change]]]
"""A page of the changes of the memory, newest first: the last ones, or those before one of this number."""


class HistoryDialog(Dialog[Change]):
    """Its answer is the change whose version shall stand again."""

    KEYS = (("↑↓", "version"), ("enter", "read it"), ("r", "restore this version"), ("esc", "close"))
    BINDINGS = [
        Binding("r", "restore", "Restore", id="history.restore", tooltip="Make this version the current one"),
    ]

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.HISTORY})
    options = getters.query_one(OptionList)

    def __init__(self, memory: Memory, changes: Sequence[Change], read: Read, clock: Clock) -> None:
        """`changes` are the last ones; `read` reads them again, and at the end of the list the older ones."""
        super().__init__(f"History of {title(memory)}")
        self._changes = changes
        self._read = read
        self._clock = clock

    def compose_body(self) -> Iterable[Widget]:
        self.show_empty(not self._changes)
        if not self._changes:
            yield Static(Content("No change of this memory was made with this program."), classes="text")
            return
        with Horizontal(classes="sides"):
            yield KeyedList(*self._options(self._changes))
            with VerticalScroll():
                yield LazyStatic(_describe(self._changes[0], self._clock().tzinfo or UTC), id="change")
        hint = LazyStatic("", id="hint")
        hint.display = False
        yield hint

    def _options(self, changes: Sequence[Change]) -> Iterable[Option]:
        now = self._clock()
        return (Option(_label(change, age(change.at, now))) for change in changes)

    @work(exclusive=True, group="reading")
    async def changed_outside(self) -> None:
        known = [change.id for change in self._changes]
        try:
            now = page = [*await self._read(None)]
            while known and page and now[-1].id not in known:  # more were written than a page has
                now += (page := [*await self._read(now[-1].id)])
        except MemoriaError:
            return  # what is done next tells it
        if now and now[-1].id in known:
            now += self._changes[known.index(now[-1].id) + 1 :]
        was_empty, place = not self._changes, self.options.highlighted if self._changes else None
        here = self._changes[place].id if place is not None else None
        self._changes = now
        if was_empty or not now:
            await self.recompose()
            self.set_focus(self.query(OptionList).first() if now else None)
        else:
            self.options.set_options(self._options(now))
            ids = [change.id for change in now]
            self.options.highlighted = ids.index(here) if here in ids else 0
            if here not in ids:
                self.say_taken(str(here), "What was changed here was erased by another program")

    @on(OptionList.OptionHighlighted)
    def show(self, event: OptionList.OptionHighlighted) -> None:
        if not is_there(event):
            return
        self.query_one("#change", Static).update(
            _describe(self._changes[event.option_index], self._clock().tzinfo or UTC)
        )
        if event.option_index == len(self._changes) - 1:
            self._read_older()

    @work(exclusive=True, group="reading")
    async def _read_older(self) -> None:
        try:
            older = await self._read(self._changes[-1].id)
        except MemoriaError:
            return
        self._changes = [*self._changes, *older]
        self.options.add_options(self._options(older))

    @on(OptionList.OptionSelected)
    def read(self) -> None:
        """Goes to what the version changed, to scroll it; tab leads back."""
        self.query_one(VerticalScroll).focus()

    def action_restore(self) -> None:
        index = self.options.highlighted if self._changes else None
        if index is not None and not self.pressed_on_what_is_gone:
            self.dismiss(self._changes[index])


def version(change: Change) -> State | None:
    """The state that a change led to, or the last one before a deletion; None when the history cannot tell."""
    for state in (change.after, change.before):
        if state is not None:
            try:
                return State.from_json(state)
            except ValueError:
                return None
    return None


def _label(change: Change, when: str) -> Content:
    what = clip(line(change.summary) or change.action.value, 40)
    return Content.assemble(
        (f"{when:>6}  ", "$foreground 60%"), what, (f"  {clip(line(change.actor), 16)}", "$foreground 60%")
    )


def _describe(change: Change, zone: tzinfo) -> Content:
    head = f"{minute(change.at, zone)} · {line(change.actor)} · {line(change.program)} · {change.action.value}"
    lines = [Content.styled(clip(head, 200), "$foreground 60%"), Content("")]
    if change.before is not None and change.after is not None:
        lines += changed_values(change.before, change.after)
    else:
        lines.append(excerpt(state_text(change.after or change.before) or ""))
    return Content("\n").join(lines)
