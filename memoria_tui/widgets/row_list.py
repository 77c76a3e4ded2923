"""Rows of so many lines each, drawn as they are seen, with a cursor that keys and the mouse move."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual import events
from textual.geometry import Region
from textual.reactive import reactive
from textual.style import Style

from memoria_tui.terminal.textual_internals import StillScrollView


class RowList(StillScrollView, can_focus=True):
    """What lists of rows have in common; which rows there are and what they say is a subclass's."""

    DEFAULT_CSS = """
    RowList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .rows--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
        }
        &:focus > .rows--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        & > .rows--hover { background: $foreground 4%; }
    }
    """
    COMPONENT_CLASSES = {"rows--cursor", "rows--hover"}
    LINES: ClassVar[int] = 1
    """Of a row."""

    cursor: reactive[int] = reactive(0, repaint=False, init=False)
    hovered: reactive[int | None] = reactive(None, repaint=False)

    @property
    @abstractmethod
    def total(self) -> int:
        """Rows, loaded or not."""

    # what is seen

    @property
    def _top(self) -> int:
        """The first row seen."""
        return self.scroll_offset.y // self.LINES

    @property
    def _visible(self) -> int:
        """Rows seen at once."""
        return max(1, self.scrollable_content_region.height // self.LINES)

    def _scroll_to_line(self, line: int) -> None:
        self.scroll_to(y=max(0, line), animate=False, force=True, immediate=True)

    def _row_at(self, y: int) -> int | None:
        """The row at a line of the view."""
        index = (y + self.scroll_offset.y) // self.LINES
        return index if index < self.total else None

    # drawing

    def _bar(self, index: int) -> tuple[str, str]:
        """The first cell of a row, with its style."""
        return "▌" if index == self.cursor else " ", "$accent" if self.has_focus else "$foreground 30%"

    def _row_style(self, index: int) -> Style:
        if index == self.cursor:
            return self.get_visual_style("rows--cursor")
        return self.get_visual_style("rows--hover") if index == self.hovered else self.visual_style

    def _refresh_row(self, index: int) -> None:
        self.refresh_lines(index * self.LINES, self.LINES)

    # the cursor

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.total - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self._refresh_row(old)
        self._refresh_row(new)
        self._bring_into_view(new)

    def _bring_into_view(self, index: int) -> None:
        row = Region(0, index * self.LINES, self.scrollable_content_region.width, self.LINES)
        self.scroll_to_region(row, animate=False, force=True, immediate=True, x_axis=False)

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_move_pages(self, pages: float) -> None:
        self.cursor += round(pages * self._visible)

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = self.total - 1

    # the mouse

    def watch_hovered(self, old: int | None, new: int | None) -> None:
        for index in (old, new):
            if index is not None:
                self._refresh_row(index)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = self._row_at(event.y)

    def on_leave(self) -> None:
        self.hovered = None
