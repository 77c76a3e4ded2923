"""A line for a name: the names in use that fit stand below it with their counts, and a new one is said to be new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from textual import events, work
from textual.geometry import Offset
from textual.message import Message

from memoria_tui.text import present
from memoria_tui.widgets.line_input import Completions, LineInput
from services.errors import MemoriaError
from services.model import FacetCount

_MOST = 5
_WIDEST = 28


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a line asks for."""

    noun: str
    """What has such a name: «project»; "": texts from before, none of which is new."""
    load: Callable[[str], Awaitable[Sequence[FacetCount]]]
    """Owner → the names in use with how often, most used first. May raise MemoriaError: then nothing is offered."""
    makes: bool = True
    """Whether a name that is not in use makes something new; else it is refused."""
    any_case: bool = False
    """Whether names that differ in the case of letters only are one."""
    except_for: frozenset[str] = frozenset()
    """Texts that are no names here."""

    def same(self, name: str, other: str) -> bool:
        return name.casefold() == other.casefold() if self.any_case else name == other


class NameInput(LineInput):
    """Arrows choose in the list, and enter, tab or → takes what is chosen.

    While nothing is chosen enter and tab keep exactly what is typed, and → at its end takes the first.
    """

    class Known(Message):
        """The names in use were read: what is new is known now."""

    def __init__(
        self,
        names: Names,
        value: str = "",
        *,
        several: bool = False,
        placeholder: str = "",
        compact: bool = False,
        select_on_focus: bool = True,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`several`: names with commas between them, the one at the end of the line is completed."""
        super().__init__(value, placeholder=placeholder, compact=compact, id=id, select_on_focus=select_on_focus)
        self._names = names
        self._several = several
        self._known: Sequence[FacetCount] | None = None
        """None: not read yet, or not readable."""
        self._owner = ""
        """Where names belong to what another field names: that, as a project's client."""
        self._list = Completions(self._take, _MOST)

    def on_mount(self) -> None:
        self.load()

    @work(exclusive=True, group="names")
    async def load(self) -> None:
        """Reads the names that are in use."""
        try:
            known = await self._names.load(self._owner)
        except MemoriaError:
            return  # a line without completion can still be filled in
        self._known = known
        self.post_message(self.Known())

    def belong_to(self, owner: str) -> None:
        """From now on the names of this owner are in use."""
        if owner != self._owner:
            self._owner = owner
            if self.is_mounted:
                self.load()

    # what is typed

    @property
    def typed(self) -> tuple[str, ...]:
        """The names in the line, each once."""
        parts = self.value.split(",") if self._several else [self.value]
        return tuple(dict.fromkeys(name for part in parts if (name := part.strip())))

    @property
    def note(self) -> str:
        """«new project por» when that is not in use; "" when all that is typed is, or it is not known."""
        new = [present.clip(name, _WIDEST) for name in self.typed if self._is_new(name)]
        many = "s" if len(new) > 1 else ""
        return f"{'new' if self._names.makes else 'no'} {self._names.noun}{many} {', '.join(new)}" if new else ""

    def _is_new(self, name: str) -> bool:
        if self._known is None or not self._names.noun or name in self._names.except_for:
            return False
        return not any(self._names.same(name, one.value) for one in self._known)

    @property
    def _start(self) -> int:
        """Where the name that is being typed begins."""
        start = self.value.rfind(",") + 1 if self._several else 0
        return start + len(self.value[start:]) - len(self.value[start:].lstrip())

    def _fitting(self, part: str) -> list[FacetCount]:
        """Names that begin with a text, then those that have it inside."""
        begun = part.casefold()
        before = {one.strip() for one in self.value[: self._start].split(",")}
        found = [
            one
            for one in self._known or ()
            if begun in one.value.casefold() and one.value.isprintable() and one.value not in before
        ]
        return sorted(found, key=lambda one: not one.value.casefold().startswith(begun))

    # the list

    def watch_value(self) -> None:
        if not self.is_mounted:
            return
        part = self.value[self._start :].strip()
        if part and self.has_focus:
            self._open(part)
        else:
            self._list.close()

    def _open(self, part: str) -> None:
        found = self._fitting(part)
        if not found or (len(found) == 1 and self._names.same(part, found[0].value)):
            self._list.close()
            return
        if not self._list.is_attached:
            self.screen.mount(self._list)
        words, counts = tuple(one.value for one in found), tuple(f"{one.count:,}" for one in found)
        self._list.open(words, at=self._below, choice=-1, helps=_right(counts), on_screen=True)
        self._say_rule()
        self.call_after_refresh(self._place_list)  # a hint that came or went may have moved the field

    @property
    def _below(self) -> Offset:
        return Offset(self.content_region.x - 3, self.region.bottom)

    def _place_list(self) -> None:
        if self._list.is_open and self._list.absolute_offset != self._below:
            self._list.absolute_offset = self._below
            self._list.refresh(layout=True)

    def _say_rule(self) -> None:
        """The list's last line says what the keys take."""
        part = present.clip(self.value[self._start :].strip(), _WIDEST)
        if (chosen := self._list.chosen) is not None:
            rule = f"enter, tab or → takes {present.clip(present.line(chosen), _WIDEST)}"
        elif part:
            rule = f"→ takes {present.clip(present.line(self._list.first), _WIDEST)} · enter keeps {part}"
        else:
            rule = "↓ chooses"
        self._list.foot = rule

    def on_blur(self) -> None:
        self._list.close()

    async def _on_key(self, event: events.Key) -> None:
        if self._take_key(event.key):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _take_key(self, key: str) -> bool:
        """Keys of the list while it is open; True when the key is used up."""
        if not self._list.is_open:
            if key == "down" and not (self._several or self.value):
                self._open("")
                return self._list.is_open
            return False
        at_end = self.cursor_position == len(self.value)
        if key in ("up", "down"):
            self._list.move(1 if key == "down" else -1)
            self._say_rule()
        elif key == "escape":
            self._list.close()
        elif (key == "right" and at_end) or (key in ("enter", "tab") and self._list.chosen is not None):
            self._take(self._list.first)
        else:
            if key == "enter":
                self._list.close()
            return False
        return True

    def _take(self, name: str) -> None:
        self.value = self.value[: self._start] + name
        self.cursor_position = len(self.value)
        self._list.close()


def _right(counts: tuple[str, ...]) -> tuple[str, ...]:
    width = max(map(len, counts), default=0)
    return tuple(count.rjust(width) for count in counts)
