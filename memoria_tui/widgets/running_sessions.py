"""What runs and what is paused, with large clocks; only the digits of running ones are drawn again each second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from memoria_tui.text import present, work_text
from services.model import SessionStatus, WorkSession
from services.ports import Clock
from services.times import duration

_LINES = 3
"""Of a card where there is room, and of its digits."""
_SHAPES = {
    "0": ("┏━┓", "┃ ┃", "┗━┛"),
    "1": (" ╻ ", " ┃ ", " ╹ "),
    "2": ("╺━┓", "┏━┛", "┗━╸"),
    "3": ("╺━┓", " ━┫", "╺━┛"),
    "4": ("╻ ╻", "┗━┫", "  ╹"),
    "5": ("┏━╸", "┗━┓", "╺━┛"),
    "6": ("┏━╸", "┣━┓", "┗━┛"),
    "7": ("╺━┓", "  ┃", "  ╹"),
    "8": ("┏━┓", "┣━┫", "┗━┛"),
    "9": ("┏━┓", "┗━┫", "╺━┛"),
    ":": (" ", ":", " "),
}
_MUTED, _BAR = "$foreground 60%", "bold $accent"


class RunningSessions(Widget, can_focus=True):
    """A card a session, three lines with room for it, else one; the focus shows a cursor."""

    DEFAULT_CSS = """
    RunningSessions {
        height: auto;
        & > .running--cursor { background: $block-cursor-background; }
    }
    """
    COMPONENT_CLASSES = {"running--cursor"}
    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False, id="running.up", tooltip="The session above"),
        Binding("down,j", "move(1)", "Down", show=False, id="running.down", tooltip="The session below"),
        Binding("enter", "select", "Details", show=False, id="running.select", tooltip="Details and edit"),
    ]

    sessions: reactive[tuple[WorkSession, ...]] = reactive((), layout=True)
    cursor: reactive[int] = reactive(0)
    zone: reactive[tzinfo] = reactive(UTC)

    @dataclass
    class Selected(Message):
        """Enter, or a click on the current card."""

        session: WorkSession

    class Moved(Message):
        """The cursor is on another session, or the session under it changed."""

    @dataclass
    class Left(Message):
        """The cursor was moved beyond the last card."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock

    @property
    def current(self) -> WorkSession | None:
        """The session under the cursor."""
        return self.sessions[self.cursor] if self.sessions else None

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.sessions) - 1))

    def watch_sessions(self, before: tuple[WorkSession, ...], after: tuple[WorkSession, ...]) -> None:
        """The cursor stays on its session."""
        held = before[self.cursor].id if self.cursor < len(before) else None
        self.cursor = next((place for place, one in enumerate(after) if one.id == held), self.cursor)
        self.post_message(self.Moved())

    def watch_cursor(self) -> None:
        self.post_message(self.Moved())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(_LINES, len(self.sessions) * self._card_lines)

    @property
    def _card_lines(self) -> int:
        return _LINES if len(self.sessions) * _LINES <= self.app.size.height // 3 + 1 else 1

    def tick(self) -> None:
        """Draws the running clocks again."""
        now = self._clock()
        for place, session in enumerate(self.sessions):
            if session.status is SessionStatus.ACTIVE:
                width = len(self._clock_lines(session, now)[0]) + 2
                self.refresh(Region(self.size.width - width, place * self._card_lines, width, self._card_lines))

    def render_line(self, y: int) -> Strip:
        place, part = divmod(y, self._card_lines)
        style = self.visual_style
        if not self.sessions:
            line = self._idle(y)
        elif place >= len(self.sessions):
            line = Content("")
        else:
            under_cursor = self.has_focus and place == self.cursor
            if under_cursor:
                style = self.get_visual_style("running--cursor")
            line = self._card(self.sessions[place], part, under_cursor)
        return present.strip(line, self.size.width, style)

    def _idle(self, y: int) -> Content:
        if y != 1:
            return Content("")
        return Content.assemble(
            ("  No session is running.  ", _MUTED),
            ("n", _BAR),
            (" starts work", _MUTED),
        )

    def _card(self, session: WorkSession, part: int, under_cursor: bool) -> Content:
        now = self._clock()
        clock = self._clock_lines(session, now)[part]
        room = max(0, self.size.width - len(clock) - 5)
        text = present.fit(self._text(session, part, now), room)
        running = session.status is SessionStatus.ACTIVE
        return Content.assemble(
            ("▌" if under_cursor else " ", _BAR),
            (text, _MUTED if part else "bold"),
            "  ",
            (clock, "$accent" if running else "$foreground 45%"),
            "  ",
        )

    def _text(self, session: WorkSession, part: int, now: datetime) -> str:
        kind = session.category.value
        if part == 0:
            facts = [work_text.name(session), work_text.place(session)] if self._card_lines == 1 else []
            title = " · ".join(filter(None, facts)) or work_text.name(session)
            return f" {work_text.sign(session)} {title}"
        if part == 1:
            return "   " + " · ".join(filter(None, [kind, work_text.place(session), *work_text.references(session)]))
        return "   " + " · ".join(self._course(session, now))

    def _course(self, session: WorkSession, now: datetime) -> list[str]:
        """«since 09:30», the pauses, and the reason of the one that lasts; else the last note."""
        parts = [work_text.since(session.start, now, self.zone)]
        lasting = next((pause for pause in session.pauses if pause.end is None), None)
        if lasting is not None:
            reason = f" · {present.line(lasting.reason)}" if lasting.reason else ""
            return [*parts, f"paused {work_text.since(lasting.start, now, self.zone)}{reason}"]
        if (paused := session.paused_seconds(now)) >= 1:
            parts.append(f"{duration(paused)} paused")
        return parts + ([f"“{present.line(session.notes[-1])}”"] if session.notes else [])

    def _clock_lines(self, session: WorkSession, now: datetime) -> tuple[str, ...]:
        text = duration(session.elapsed_seconds(now))
        return _large(text) if self._card_lines == _LINES else (text,)

    def action_move(self, by: int) -> None:
        if by > 0 and self.cursor >= len(self.sessions) - 1:
            self.post_message(self.Left())
        self.cursor += by

    def action_select(self) -> None:
        if self.current is not None:
            self.post_message(self.Selected(self.current))

    def on_click(self, event: events.Click) -> None:
        place = event.y // self._card_lines
        if place < len(self.sessions):
            again = self.cursor == place and event.chain > 1
            self.cursor = place
            if again:
                self.action_select()


def _large(text: str) -> tuple[str, str, str]:
    """The lines of a text of digits and colons."""
    shapes = [_SHAPES[character] for character in text]
    top, middle, bottom = ("".join(shape[line] for shape in shapes) for line in range(_LINES))
    return top, middle, bottom
