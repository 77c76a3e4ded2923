"""The second line: the modes with their keys, the current one marked; each can be clicked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

_FORMS = ((" ", "", " ", True), ("", " ", "·", True), ("", " ", "·", False))
"""From the widest to the narrowest: what is around a mode, between two, and before its mark, which must not look like
the key of the next; whether the others have their titles.
"""


@dataclass(frozen=True, slots=True)
class ModeTab:
    """A mode in the line."""

    name: str
    key: str
    """As people call it."""
    title: str
    mark: str = ""
    """What is worth a look there: a count, or «!»."""
    is_current: bool = False

    def drawn(self, around: str, before_mark: str, *, titled: bool) -> Content:
        title = f" {self.title}" if titled or self.is_current else ""
        drawn = Content.assemble(
            around,
            (self.key, "bold $footer-key-foreground"),
            (title, "bold $block-cursor-foreground" if self.is_current else "$footer-description-foreground"),
            (f"{before_mark}{self.mark}" if self.mark else "", "bold $warning"),
            around,
        )
        return drawn.stylize("on $block-cursor-background") if self.is_current else drawn


class ModeStrip(Widget):
    """«1 Memories  2 Graph  3 Work», in the widest form that fits."""

    DEFAULT_CSS = "ModeStrip { height: 1; }"
    ALLOW_SELECT = False

    tabs: reactive[tuple[ModeTab, ...]] = reactive(())

    def _placed(self) -> Iterable[tuple[int, Content, ModeTab]]:
        """Each mode with its first cell."""
        for around, between, before_mark, titled in _FORMS:
            drawn = [tab.drawn(around, before_mark, titled=titled) for tab in self.tabs]
            lead = 1 - len(around)
            if lead + sum(one.cell_length + len(between) for one in drawn) <= self.size.width:
                break
        at = lead
        for tab, one in zip(self.tabs, drawn, strict=True):
            yield at, one, tab
            at += one.cell_length + len(between)

    def render(self) -> Content:
        line = Content()
        for at, drawn, _ in self._placed() if self.tabs else ():
            line = line.pad_right(at - line.cell_length) + drawn
        return line

    def _under(self, event: events.MouseEvent) -> ModeTab | None:
        placed = self._placed() if self.tabs else ()
        return next((tab for at, drawn, tab in placed if at <= event.x < at + drawn.cell_length), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.styles.pointer = "pointer" if self._under(event) else "default"

    async def on_click(self, event: events.Click) -> None:
        if (tab := self._under(event)) is not None:
            await self.run_action(f"app.switch_mode('{tab.name}')")
