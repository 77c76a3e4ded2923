"""The last acts of everybody, newest first: what each changed, and the way to undo any of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import tzinfo

from rich.cells import cell_len
from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import changed_values, excerpt, state_text
from memoria_tui.text.present import age, clip, fit, line
from memoria_tui.widgets.choice_list import ChoiceList, is_there
from memoria_tui.widgets.lazy_static import LazyStatic
from services.errors import MemoriaError
from services.model import Act, Change, Kind, Subject, title_of
from services.ports import Clock
from services.times import minute

Load = Callable[[str], Awaitable[Sequence[Change]]]
"""The first changes of an act."""
Read = Callable[[], Awaitable[Sequence[Act]]]
"""The last acts."""

_QUIET = "$foreground 60%"
_AGE, _LEAST = 8, 20
"""Cells of when it was done, and the fewest of what."""
_WIDE = 76
"""Cells from which on the program is named."""
_SHOWN = 20
"""Changes of an act that are shown."""
_NONE = "Nothing was changed here yet. In Memories, h shows what a restore brought of a memory."


class ChangesDialog(Dialog[Act]):
    """Its answer is the act that shall be undone."""

    KEYS = (("enter", "before and after"), ("u", "undo this"), ("tab", "scroll"), ("esc", "close"))
    BINDINGS = [Binding("u", "undo", "Undo", id="changes.undo", tooltip="Undo this act")]

    FOLLOWS = frozenset({Subject.HISTORY})
    options = getters.query_one(OptionList)

    def __init__(self, acts: Sequence[Act], read: Read, load: Load, clock: Clock, zone: tzinfo) -> None:
        """`read` reads them again."""
        super().__init__("Last changes")
        self._acts = acts
        self._read = read
        self._told = ""
        """The group of the act that is told of."""
        self._load = load
        self._clock = clock
        self._zone = zone

    def compose_body(self) -> Iterable[Widget]:
        self.show_empty(not self._acts)
        if not self._acts:
            yield Static(Content(_NONE), classes="text")
            return
        with Vertical(classes="sides"):
            rows = ChoiceList(markup=False)
            rows.set_options(self._options(0))
            rows.highlighted = 0
            yield rows
            with VerticalScroll():
                yield LazyStatic(id="act")
        hint = LazyStatic("", id="hint")
        hint.display = False
        yield hint

    def _options(self, width: int) -> Iterable[Option]:
        now = self._clock()
        return (Option(_label(act, age(act.at, now), width)) for act in self._acts)

    @on(ChoiceList.Widened)
    def _draw_again(self, event: ChoiceList.Widened) -> None:
        for place, option in enumerate(self._options(event.choices.content_size.width)):
            event.choices.replace_option_prompt_at_index(place, option.prompt)

    @work(exclusive=True, group="reading")
    async def changed_outside(self) -> None:
        try:
            now = await self._read()
        except MemoriaError:
            return  # what is done next tells it
        was_empty, place = not self._acts, self.options.highlighted if self._acts else None
        here = self._acts[place].group if place is not None else ""
        self._acts = now
        if was_empty and now:
            await self.recompose()
            self.options.focus()
        elif now:
            self.options.set_options(self._options(self.options.content_size.width))
            groups = [act.group for act in now]
            self.options.highlighted = groups.index(here) if here in groups else len(groups) - 1
            if here not in groups:
                self.say_taken(here, "The act under the cursor is further back now than this list goes")

    @on(OptionList.OptionHighlighted)
    def _show_head(self, event: OptionList.OptionHighlighted) -> None:
        if is_there(event) and (act := self._acts[event.option_index]).group != self._told:
            self._told = act.group
            self.query_one("#act", Static).update(self._head(act))

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        if is_there(event):
            self._show(self._acts[event.option_index])

    @work(exclusive=True, group="changes")
    async def _show(self, act: Act) -> None:
        """Before and after of what the act changed."""
        try:
            changes = await self._load(act.group)
        except MemoriaError as error:
            self.query_one("#act", Static).update(Content(line(str(error))))
            return
        lines = [self._head(act)]
        for change in changes[:_SHOWN]:
            lines += [Content(""), *_change(change)]
        if act.total > _SHOWN:
            lines.append(Content.styled(f"\n… and {act.total - _SHOWN:,} more", _QUIET))
        self.query_one("#act", Static).update(Content("\n").join(lines))

    def _head(self, act: Act) -> Content:
        when = minute(act.at, self._zone)
        return Content.styled(f"{when} · {line(act.kind)} · {clip(line(act.summary), 200)}", _QUIET)

    def action_undo(self) -> None:
        index = self.options.highlighted if self._acts else None
        if index is not None and not self.pressed_on_what_is_gone:
            self.dismiss(self._acts[index])


def _label(act: Act, when: str, width: int) -> Content:
    """When, what, and who at the end of the line; the program is left out where what was done lacks its room."""
    kind = f"{act.kind}: " if act.kind in (Kind.UNDO, Kind.REDO) else ""
    undone = " (undone)" if act.undone else ""
    actor, program = clip(line(act.actor), 16), clip(line(act.program), 24)
    who = f"  {actor} · {program}" if width >= _WIDE else f"  {actor}"
    what = fit(line(kind + act.summary), max(_LEAST, width - _AGE - cell_len(undone + who) - 1))
    return Content.assemble(
        (f"{when:>{_AGE - 2}}  ", _QUIET), (what, _QUIET if act.undone else ""), (f"{undone}{who}", _QUIET)
    )


def _change(change: Change) -> Iterable[Content]:
    yield Content.styled(f"{change.entity} · {clip(line(change.summary or change.action), 100)}", "bold")
    if change.before is not None and change.after is not None:
        yield from changed_values(change.before, change.after, indent="    ")
        return
    state = change.after or change.before or {}
    if (text := state_text(state)) is not None:
        yield excerpt(text if len(text) < 400 else title_of(text))
        return
    row = state.get("row", state)
    known = row if isinstance(row, dict) else {}
    shown = [f"{key.replace('_', ' ')} {value}" for key, value in known.items() if value not in (None, [], {}, "")]
    yield Content.styled(clip(line(", ".join(shown)), 300), _QUIET)
