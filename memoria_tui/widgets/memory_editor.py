"""Editing a memory's text in place: every character survives, none reaches the terminal unseen."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import TextArea

from memoria_tui.text import present
from services.model import Memory

_SPARE = "⍰⍯⌑⌇⍜⍛⍙⍚⎔⎕⎊⎉⏃⏄⏅⏆⏇⏈⏉⏊⏋⏌⏍⏥⏢⏣⏤⏛⏚⏙⏘⏗⏖"
LONGEST = 50_000
"""Characters; a text area on more of them holds the program for seconds at a key."""
_SHOWN_OF_LONG = 2_000
_PRIVATE_USE = range(0xE000, 0xF900)


class Disguise:
    """Swaps characters that must not be drawn for visible ones of one cell, and back without loss."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._taken: set[str] = set()

    def hide(self, text: str) -> str:
        """The text with a stand-in for each suspect character; a stand-in never occurs in the text itself."""
        self._taken.update(text)
        for character in sorted(_not_drawn(text) - self._shown.keys()):
            self._shown[character] = self._stand_in(character)
        return text.translate({ord(character): shown for character, shown in self._shown.items()})

    def reveal(self, text: str) -> str:
        """The text as it was before `hide`."""
        return text.translate({ord(shown): character for character, shown in self._shown.items()})

    def _stand_in(self, character: str) -> str:
        picture = present.show_hidden(character)
        candidates: list[str] = [*(picture if len(picture) == 1 else ""), *_SPARE, *map(chr, _PRIVATE_USE)]
        free = next(one for one in candidates if one not in self._taken)
        self._taken.add(free)
        return free


def _not_drawn(text: str) -> set[str]:
    """Suspects, and carriage returns where they are not part of uniform CRLF line ends."""
    suspects = present.hidden_characters(text) - {"\r"}
    uniform = text.count("\r") == text.count("\n") == text.count("\r\n")
    return suspects if uniform else suspects | ({"\r"} & set(text))


class SafeTextArea(TextArea):
    """A text area in which every character survives and none reaches the terminal unseen."""

    BINDINGS = [
        Binding("ctrl+home", "text_start", "Start", id="text.start", show=False, tooltip="Start of the text"),
        Binding("ctrl+end", "text_end", "End", id="text.end", show=False, tooltip="End of the text"),
    ]

    def __init__(
        self,
        content: str = "",
        *,
        id: str | None = None,  # noqa: A002
        placeholder: str = "",
        compact: bool = False,
    ) -> None:
        self._disguise = Disguise()
        text = self._disguise.hide(content)
        super().__init__(text, id=id, placeholder=placeholder, compact=compact, tab_behavior="focus")

    @property
    def content(self) -> str:
        """The text as it is meant, which is not always as it is drawn."""
        text: str = self.text
        return self._disguise.reveal(text)

    def fill(self, content: str) -> None:
        """Shows another text."""
        self.text = self._disguise.hide(content)

    def on_mount(self) -> None:
        self.action_text_end()

    def on_resize(self) -> None:
        """What was drawn before the text was wrapped anew is drawn again, also where it has as many lines."""
        self.refresh()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Where the cursor is not in the text, it stays: undo changes the text, and so whether there is a scrollbar,
        before it puts the cursor back, which then is scrolled to."""
        cursor = self.cursor_location
        return super().scroll_cursor_visible(center, animate) if self.clamp_visitable(cursor) == cursor else Offset()

    def action_text_start(self) -> None:
        self.move_cursor((0, 0))

    def action_text_end(self) -> None:
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        pasted = self._disguise.hide(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(pasted, *self.selection):
            self.move_cursor(result.end_location)


class MemoryEditor(SafeTextArea):
    """A text area on one memory's text."""

    BINDINGS = [
        Binding("ctrl+s", "save", "Save", id="editor.save", tooltip="Save the text"),
        Binding("escape", "leave", "Cancel", id="editor.cancel", tooltip="Leave without saving"),
        Binding("ctrl+e", "external", "$EDITOR", id="editor.external", tooltip="Go on in $EDITOR"),
    ]

    @dataclass
    class Saved(Message):
        """The person wants this text kept; `base` is the memory as it was when editing began."""

        base: Memory
        content: str

    @dataclass
    class Left(Message):
        """The person wants to leave; `changed` says whether that loses text."""

        changed: bool

    @dataclass
    class ExternalWanted(Message):
        """The text as it stands should go on in `$EDITOR`."""

        base: Memory
        content: str

    base: Memory | None = None
    """The memory that leaving goes back to; None while nothing is edited."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, compact=True)
        self._whole: str | None = None
        """A text too long to be typed in, of which only the beginning stands here."""

    @property
    def content(self) -> str:
        """The text as it would be saved."""
        if self._whole is not None:
            return self._whole
        return super().content

    def open(self, base: Memory, content: str) -> None:
        """Takes a text of a memory to edit; more than LONGEST can only be read here."""
        self._disguise = Disguise()
        self.base = base
        self._whole = content if len(content) > LONGEST else None
        self.read_only = self._whole is not None
        self.load_text(self._disguise.hide(content if self._whole is None else content[:_SHOWN_OF_LONG]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action == "save" and self._is_as_opened)

    @property
    def _is_as_opened(self) -> bool:
        """True where the text can only be read here and is still the memory's: there is nothing to save."""
        return self._whole is not None and self.base is not None and self._whole == self.base.content

    def action_save(self) -> None:
        if self.base is not None:
            self.post_message(self.Saved(self.base, self.content))

    def action_leave(self) -> None:
        if self.base is not None:
            self.post_message(self.Left(self.content != self.base.content))

    def action_external(self) -> None:
        if self.base is not None:
            self.post_message(self.ExternalWanted(self.base, self.content))
