"""What can be done here: every key that works at the moment, and the operators of the search box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog

_KEYS_WIDTH = 14


@dataclass(frozen=True, slots=True)
class HelpSection:
    """Lines under one heading: what to press or type, and what it does."""

    title: str
    lines: tuple[tuple[str, str], ...]


class HelpDialog(Dialog[None]):
    """Sections one under the other, scrolled with the arrows."""

    KEYS = (("↑↓", "scroll"), ("esc", "close"))
    BINDINGS = [Binding("question_mark,q", "leave", "Close", id="help.close", tooltip="Close the help")]

    def __init__(self, title: str, sections: Sequence[HelpSection]) -> None:
        super().__init__(title)
        self._sections = sections

    def compose_body(self) -> Iterable[Widget]:
        with VerticalScroll():
            for section in self._sections:
                yield Static(_drawn(section), classes="section")


def _drawn(section: HelpSection) -> Content:
    lines = [Content.styled(section.title, "bold $primary")]
    for keys, what in section.lines:
        first, *others = what.split("\n")
        lines.append(Content.assemble((f"{keys:<{_KEYS_WIDTH}} ", "bold $accent"), first))
        lines += [Content(" " * (_KEYS_WIDTH + 1) + other) for other in others]
    return Content("\n").join(lines)
