"""What can be done here: every key that works at the moment, and the operators of the search box."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from textual import events, on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import fit
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.line_input import LineInput

_MOST_KEYS, _GAP = 16, 3
"""Cells of keys, at most, and between two columns."""
_TWO_COLUMNS = 100
"""Cells from which on sections stand side by side."""


@dataclass(frozen=True, slots=True)
class HelpSection:
    """Lines under one heading: what to press or type, and what it does."""

    title: str
    lines: tuple[tuple[str, str], ...]

    def with_words(self, words: Sequence[str]) -> HelpSection:
        """With the lines alone that have all of these words, or its heading has."""
        lines = [one for one in self.lines if all(word in " ".join((self.title, *one)).casefold() for word in words)]
        return HelpSection(self.title, tuple(lines))


class _Filter(LineInput):
    """The line that narrows the help; `?` on an empty one closes it again."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "question_mark" and not self.value:
            return  # a binding of the dialog
        await super()._on_key(event)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return (key != "question_mark" or bool(self.value)) and super().check_consume_key(key, character)


class HelpDialog(Dialog[None]):
    """Sections in two columns where it is wide, narrowed by what is typed."""

    KEYS = (("type", "to narrow"), ("↑↓ pgup pgdn", "scroll"), ("esc", "close"))
    BINDINGS = [
        Binding("question_mark", "leave", "Close", id="help.close", tooltip="Close the help"),
        Binding("up", "scroll(-1)", "Up", show=False, id="help.up", tooltip="A line up"),
        Binding("down", "scroll(1)", "Down", show=False, id="help.down", tooltip="A line down"),
        Binding("pageup", "scroll(-10)", "Page up", show=False, id="help.page_up", tooltip="Ten lines up"),
        Binding("pagedown", "scroll(10)", "Page down", show=False, id="help.page_down", tooltip="Ten lines down"),
    ]

    def __init__(self, title: str, sections: Sequence[HelpSection]) -> None:
        super().__init__(title)
        self._sections = sections

    def compose_body(self) -> Iterable[Widget]:
        yield _Filter(placeholder="Type what you look for", compact=True)
        with VerticalScroll(can_focus=False):
            yield LazyStatic(id="sections")

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    @on(Input.Changed)
    def _draw(self) -> None:
        words = self.query_one(Input).value.casefold().split()
        found = [one for section in self._sections if (one := section.with_words(words)).lines]
        width = max(20, self.query_one("#sections").size.width)
        lines = drawn(found, width) if found else [Content("No key and no operator has that.")]
        self.query_one("#sections", Static).update(Content("\n").join(lines))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def drawn(sections: Sequence[HelpSection], width: int) -> list[Content]:
    """The lines of all sections, in two columns where there is room."""
    if width < _TWO_COLUMNS:
        return [line for section in sections for line in _lines(section, width)]
    column = (width - _GAP) // 2
    left: list[Content] = []
    right: list[Content] = []
    for section in sections:
        (left if len(left) <= len(right) else right).extend(_lines(section, column))
    height = max(len(left), len(right))
    left += [Content("")] * (height - len(left))
    right += [Content("")] * (height - len(right))
    return [one.pad_right(column + _GAP - one.cell_length) + other for one, other in zip(left, right, strict=True)]


def _lines(section: HelpSection, width: int) -> list[Content]:
    """A heading, its lines wrapped, and an empty one."""
    lines = [Content.styled(section.title, "bold $primary")]
    cells = min(_MOST_KEYS, max(cell_len(keys) for keys, _ in section.lines))
    room = max(10, width - cells - 2)
    for keys, what in section.lines:
        said = [part for line in what.split("\n") for part in textwrap.wrap(line, room, break_on_hyphens=False) or [""]]
        for some, part in zip_longest(textwrap.wrap(keys, cells), said, fillvalue=""):
            lines.append(Content.assemble((f"{fit(some, cells)}  ", "bold $accent"), part))
    return [*lines, Content("")]
