"""One line to type into, without characters that a terminal obeys or nobody sees; and the completions under it."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Offset
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input

from memoria_tui.text import present
from memoria_tui.widgets.lazy_static import LazyStatic

LONGEST = 10_000
"""Characters that are pasted into a line."""


class LineInput(Input):
    """An input whose text is one harmless line, whatever is typed, pasted or set."""

    BINDINGS = [
        Binding("ctrl+home", "home", "Start", id="line.start", show=False, tooltip="Start of the line"),
        Binding("ctrl+end", "end", "End", id="line.end", show=False, tooltip="End of the line"),
    ]

    def update_node_styles(self, animate: bool = True) -> None:
        """Not before it is on a screen, which gives it all its styles."""
        if self.is_attached:
            super().update_node_styles(animate)

    @property
    def content_width(self) -> int:
        """Cells, at least those in sight: each other width has the whole screen laid out again, with each key."""
        return max(super().content_width, self.scrollable_content_region.width)

    def render_line(self, y: int) -> Strip:
        """A hint that is too long ends in «…»."""
        hint = self.placeholder
        self.set_reactive(LineInput.placeholder, present.clip(hint, self.scrollable_content_region.width))
        try:
            return super().render_line(y)
        finally:
            self.set_reactive(LineInput.placeholder, hint)

    def validate_value(self, value: str) -> str:
        return present.strip_hidden(value)

    def _on_paste(self, event: events.Paste) -> None:
        """Takes all lines of what is pasted as one; nothing of what is too long for a line, which would hold all up."""
        event.stop()
        event.prevent_default()
        if len(event.text) > LONGEST:
            told = f"Not pasted: {len(event.text):,} characters, and a line takes {LONGEST:,}"
            self.notify(told, severity="warning", markup=False)
            return
        self.replace(" ".join(event.text.split()), *self.selection)


_MOST = 8
_WIDEST = 48


class Completions(LazyStatic):
    """Words to choose from, a few at a time, drawn above everything else; -1 chooses none."""

    DEFAULT_CSS = """
    Completions {
        overlay: screen;
        constrain: inside inside;
        display: none;
        width: auto;
        height: auto;
        padding: 0 1;
        background: $panel;
        color: $foreground;
    }
    """

    choice: reactive[int] = reactive(-1)
    foot: reactive[str] = reactive("")
    """A last line that says what the keys do; "" for none."""

    def __init__(self, take: Callable[[str], None], most: int = _MOST) -> None:
        """`take` is given a word that was clicked; so many at the `most` are in sight."""
        super().__init__()
        self._take = take
        self._most = most
        self._top = 0
        """The first in sight."""
        self._words: tuple[str, ...] = ()
        self._helps: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return bool(self._words)

    @property
    def chosen(self) -> str | None:
        return self._words[self.choice] if 0 <= self.choice < len(self._words) else None

    @property
    def first(self) -> str:
        """The word chosen, else the first; only while open."""
        return self.chosen or self._words[0]

    def open(
        self,
        words: tuple[str, ...],
        *,
        at: Offset,
        choice: int,
        helps: tuple[str, ...] = (),
        on_screen: bool = False,
    ) -> None:
        """Shows words with their explanations at a place of the parent, or of the screen; none closes."""
        self._words, self._helps, self._top = words, helps, 0
        self.display = bool(words)
        if on_screen:
            self.absolute_offset = at
        else:
            self.styles.offset = (at.x, at.y)
        self.choice = choice
        self._draw()

    def close(self) -> None:
        self._words = ()
        self.display = False

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        if 0 <= event.y < self._most and self._top + event.y < len(self._words):
            self._take(self._words[self._top + event.y])

    def move(self, by: int) -> None:
        """Chooses the next or the one before, around the ends."""
        self.choice = (max(self.choice, -1 if by > 0 else 0) + by) % len(self._words)

    def watch_choice(self) -> None:
        self._draw()

    def watch_foot(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self._top = max(min(self._top, max(self.choice, 0)), self.choice - self._most + 1)
        in_sight = range(len(self._words))[self._top : self._top + self._most]
        drawn = {index: present.clip(present.line(self._words[index]), _WIDEST) for index in in_sight}
        width = max(map(cell_len, drawn.values()), default=0)
        lines = []
        for index, shown in drawn.items():
            chosen = index == self.choice
            name = (f"{'▸' if chosen else ' '} {shown}", "bold $accent" if chosen else "")
            explained = f"{'':{width - cell_len(shown) + 2}}{self._helps[index]}" if self._helps else ""
            lines.append(Content.assemble(name, (explained, "$foreground 55%")))
        ways = [way for way, more in (("↑", in_sight.start), ("↓", len(self._words) - in_sight.stop)) if more > 0]
        feet = filter(None, (f"{' '.join(ways)} more" if ways else "", self.foot))
        lines += [Content.styled(f"  {foot}", "$foreground 55%") for foot in feet]
        self.update(Content("\n").join(lines))
