"""What is used of Textual 8.2 without being public, each with the reason: to be looked at with every new version.

What is used of its Markdown is in `markdown_internals`: that takes longer to import than the first picture has time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual._context import active_message_pump
from textual._xterm_parser import XTermParser as XTermParser  # a paste with marks in it, a key behind esc: see `driver`
from textual.app import App
from textual.binding import Binding
from textual.cache import LRUCache
from textual.command import CommandPalette
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.drivers._byte_stream import ByteStream as ByteStream  # what is typed in a browser, see `browser_driver`
from textual.geometry import Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.timer import Timer
from textual.widget import Widget

_SOURCES = 1024
"""More style sheets than there are: Textual's own and those of modes."""


def bindings_of(node: DOMNode) -> Iterator[Binding]:
    """The keys of a node after the person's keymap; public are only those of what has the focus."""
    bindings = node._bindings
    if node.app._keymap:
        bindings = bindings.copy()  # Textual applies the keymap to copies, too, at every key
        bindings.apply_keymap(node.app._keymap)
    return (binding for _, binding in bindings)


def in_keymap(binding: Binding, app: App[Any]) -> Binding:
    """A key of a class as the person's keymap has it, of several the first one."""
    keys = app._keymap.get(binding.id or "", binding.key)
    return binding.with_key(keys.partition(",")[0].strip())


def sure(timer: Timer) -> Timer:
    """The timer of one moment, just set, which now comes however long the process is held up.

    Textual skips moments that have passed when it looks: of a timer that has but one, nothing would be left.
    """
    timer._skip = False
    return timer


def begin_at_size(screen: Screen[Any]) -> None:
    """Gives a screen, while it is empty, the classes of the terminal's size.

    Textual gives them once all is laid out for the first time, and has all of it styled and laid out again.
    """
    by_size = (
        (screen.app.size.width, screen.HORIZONTAL_BREAKPOINTS or []),
        (screen.app.size.height, screen.VERTICAL_BREAKPOINTS or []),
    )
    for cells, breakpoints in by_size:
        screen.add_class(*screen._get_breakpoint_classes(cells, breakpoints))


class LowestScreen(Screen[None]):
    """A screen that is seen as it is now through all dialogs above it.

    Textual has the topmost alone drawn again where something changed below, on those between as they were before.
    """

    def _compositor_refresh(self) -> None:
        changed = tuple(self._compositor._dirty_regions)
        super()._compositor_refresh()
        if changed and self in (seen := self.app._background_screens):
            for between in seen[seen.index(self) + 1 :]:
                between.refresh(*changed)


class StillScrollView(ScrollView):
    """What scrolls and draws itself; its scrollbars are drawn again when they show something else.

    Textual draws them with each layout of the screen and each line that is passed, line by line: more than all that
    had changed.
    """

    _told: object = None
    """What the scrollbars were drawn for."""

    def _scroll_update(self, virtual_size: Size) -> None:
        self._refresh_scrollbars()
        told = virtual_size, self.container_size, self.show_vertical_scrollbar, self.show_horizontal_scrollbar
        if told != self._told:
            self._told = told
            super()._scroll_update(virtual_size)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if self.show_vertical_scrollbar:
            bar = self.vertical_scrollbar
            if _thumb(bar, old_value) == _thumb(bar, new_value):
                bar.set_reactive(ScrollBar.position, bar.validate_position(new_value))
        super().watch_scroll_y(old_value, new_value)


def _thumb(bar: ScrollBar, position: float) -> int:
    """Where the moving part of a vertical scrollbar begins, in eighths of a line, as Textual draws it."""
    lines, whole, seen = bar.size.height or 1, bar.window_virtual_size or 1, bar.window_size
    return int((lines - max(1, seen / (whole / lines))) * (position / max(1, whole - seen)) * 8)


def resize_content(view: ScrollView, size: Size) -> None:
    """Gives what scrolls in a view another size; the screen is laid out again only where scrollbars come or go.

    Textual lays it out with each change of `virtual_size`, and asks every widget on it for its size.
    """
    view.set_reactive(Widget.virtual_size, size)
    view._scroll_update(size)


def handling_node() -> object:
    """Whose handler runs now; an error that a handler raises does not say it."""
    return active_message_pump.get(None)


def gathers(palette: CommandPalette) -> bool:
    """Whether it still looks for what fits its text."""
    group = CommandPalette._GATHER_COMMANDS_GROUP
    return any(one.group == group and not one.is_finished for one in palette.app.workers if one.node is palette)


class ParsedOnce(Stylesheet):
    """Parses each source once, as long as its variables are the same; Textual parses all of them with each new one."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(_SOURCES)

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        self.parse()


def read_styles(screen: Screen[Any]) -> None:
    """Reads the style sheets of a screen that is to come on screen first.

    Textual would style all that is on screen by then three times more, which holds the event loop.
    """
    sheet = screen.app.stylesheet
    for path in screen.css_path:
        if not sheet.has_source(str(path), ""):
            sheet.read(path)
    screen._css_update_count = screen.app._css_update_count
