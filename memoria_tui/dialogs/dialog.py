"""What all dialogs share: a quiet box over the dimmed screen, a title, a line of keys; esc leaves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.keys.typing_ahead import TypingAhead
from memoria_tui.keys.waiting_keys import Typed
from memoria_tui.text.present import clip, escape_control, line
from memoria_tui.user_files.drafts import Draft
from memoria_tui.user_files.program_log import refused
from memoria_tui.widgets.fitting_box import FittingBox
from memoria_tui.widgets.keys_line import KeysLine
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.name_input import NameInput
from memoria_tui.write_queue import pressed_before, write, writes_of
from services.errors import MemoriaError
from services.model import Subject

Answer = TypeVar("Answer")
Written = TypeVar("Written")

_BESIDE_TITLE, _NARROWEST = 6, 44
"""Cells of a box beside its title, and of the narrowest box."""
_REACTION = 0.4
"""Seconds before which no key can be an answer to what was just shown."""


class Dialog(ModalScreen[Answer | None]):
    """A box with a title; its answer is None when the person left with esc."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "*"
    KEYS: tuple[tuple[str, str], ...] = (("esc", "cancel"),)
    """What the last line of the box says."""
    KEYS_IF_EMPTY: tuple[tuple[str, str], ...] = (("esc", "close"),)
    """The same where there is nothing to act on."""
    KEYS_GAP = 3
    """Cells between them."""
    UNASKED = False
    """Whether it opens by itself: a key pressed before a person can have read it was meant for something else."""
    FOLLOWS: ClassVar[frozenset[Subject]] = frozenset()
    """What it shows of what others write; without it does not move, as what asks about something must not."""
    QUESTION = False
    """Whether letters answer it: none does that is typed in one go with other keys."""

    BINDINGS = [
        Binding("escape", "leave", "Cancel", id="dialog.leave", tooltip="Close without doing anything"),
        Binding("down", "scroll_text(1)", "Down", id="dialog.down", show=False, tooltip="Scroll the text"),
        Binding("up", "scroll_text(-1)", "Up", id="dialog.up", show=False, tooltip="Scroll it back"),
    ]

    def __init__(
        self,
        title: str,
        text: str | Content = "",
        keys: Sequence[tuple[str, str]] = (),
        draft: Draft | None = None,
    ) -> None:
        """`text` stands in the box unless a dialog composes more; `keys` in the place of KEYS.

        `draft` says as what the next start goes on with what is typed here; its values were typed before.
        """
        super().__init__()
        self._title = clip(line(title), 72)
        self._text = text
        self._draft = draft
        self._keys = keys or self.KEYS
        self._saving = False
        self._writing = 0
        self._shown_at = math.inf
        self._others_wrote = False
        """Whether others wrote what it shows, since it read that."""
        self._taken_at = 0.0
        """When others took away what was under the cursor, in monotonic seconds."""
        self.makes_way = False
        """Whether every key that does not answer it closes it and does what it does below."""
        self.made_way = False

    def on_mount(self) -> None:
        # What was done before is no news any more, and a toast would cover the keys.
        self.app.clear_notifications()
        self.call_after_refresh(self._was_shown)

    def _was_shown(self) -> None:
        self._shown_at = time.monotonic()

    def was_read(self, moment: float) -> bool:
        """Whether a key pressed at that moment, in monotonic seconds, can be an answer."""
        return not self.UNASKED or moment >= self._shown_at + _REACTION

    def make_way(self, event: Typed) -> bool:
        """Closes for a key that was pressed before it was read, to be asked again later; whether it did."""
        if self.makes_way and not self.was_read(event.time):
            self.made_way = True
            self.dismiss(None)
            return True
        return False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        app = self.app
        if isinstance(app, TypingAhead) and not self.was_read(app.pressed_at):
            return False
        if action == "scroll_text":
            return any(text.max_scroll_y > 0 for text in self.query(".whole-text"))
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        if event.key not in self.active_bindings:
            self._notify_nowhere()

    def on_paste(self) -> None:
        self._notify_nowhere()

    def _notify_nowhere(self) -> None:
        if self.focused is None and len(self._keys) > 1:  # it is a question
            self.say(f"Only {', '.join(key for key, _ in self._keys)} answer this: other keys go nowhere")

    def compose(self) -> ComposeResult:
        with FittingBox(id="dialog") as box:
            box.border_title = Content(self._title)
            if (needed := cell_len(self._title) + _BESIDE_TITLE) > _NARROWEST:
                box.styles.min_width = needed  # as far as the terminal is so wide
            yield from self.compose_body()
            yield KeysLine(self._keys, self.KEYS_GAP, id="keys")

    def compose_body(self) -> Iterable[Widget]:
        """What stands in the box."""
        with VerticalScroll(can_focus=False, classes="whole-text"):
            yield Static(Content(self._text) if isinstance(self._text, str) else self._text, classes="text")
        hint = LazyStatic("", id="hint")
        hint.display = False
        yield hint

    def show_empty(self, empty: bool) -> None:
        """Whether there is nothing to act on: the box is as high as what it says then, with the keys that are left."""
        self.set_class(empty, "-empty")
        self.show_keys(self.KEYS_IF_EMPTY if empty else self.KEYS)

    def show_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Shows others in the last line of the box."""
        self._keys = keys
        for shown in self.query("#keys").results(KeysLine):
            shown.show(keys)

    def action_scroll_text(self, lines: int) -> None:
        """Of a text for which the terminal is too low."""
        self.query_one(".whole-text").scroll_relative(y=lines, animate=False)

    def action_answer(self, answer: Answer) -> None:
        self.dismiss(answer)

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        if isinstance(self.app, TypingAhead):
            self.app.answered()
        return super().dismiss(result)

    @property
    def saving(self) -> bool:
        """True while something is being written here: until then the dialog stays."""
        return self._saving or self._writing > 0

    @property
    def owes_answer(self) -> bool:
        """True while something else is shown than what was asked for in the field, on which keys would act."""
        return False

    def typed(self) -> Mapping[str, str]:
        """What was typed or switched here and is not saved, by where it is; {}: nothing."""
        return {}

    @property
    def unsaved(self) -> tuple[str, ...]:
        """The same, named."""
        return (f"what you typed into {self._title}",) if self.is_mounted and self.typed() else ()

    @property
    def draft(self) -> Draft | None:
        """The same, where the next start can go on with it."""
        if self._draft is None or not self.unsaved:
            return None
        return replace(self._draft, title=self._draft.title or self._title, values=self.typed())

    @property
    def _begun(self) -> Mapping[str, str]:
        """What was typed before the program ended."""
        return self._draft.values if self._draft is not None else {}

    def on_external_change(self, subjects: frozenset[Subject]) -> None:
        """Others wrote this; it waits for the end of what is asked above or written here."""
        self._others_wrote |= bool(subjects & self.FOLLOWS)
        self._see()

    def on_screen_resume(self) -> None:
        self._see()

    def _see(self) -> None:
        if self._others_wrote and self.is_active and not self.saving:
            self._others_wrote = False
            self.changed_outside()

    def changed_outside(self) -> object:
        """Reads and shows again what others wrote, and leaves eyes and hands where they are."""

    def say_taken(self, what: str, told: str) -> None:
        """Says that others took away what was under the cursor, by its id; nothing where an act of this app did it."""
        if not writes_of(self.app).may_have_taken(what):
            self._taken_at = time.monotonic()
            self.say(told, wrong=True)

    @property
    def pressed_on_what_is_gone(self) -> bool:
        """Whether the key was meant for what others took away, and not for its neighbour."""
        return pressed_before(self.app, self._taken_at)

    def undone(self, line: str) -> None:
        """Called when something was undone while the dialog is open; `line` says what."""

    def action_leave(self) -> None:
        if self.saving:
            self.say("Still saving; the dialog closes when it is done")
        else:
            self.leave()

    def leave(self) -> None:
        """Closes without an answer, also without what was typed once the person agreed to that."""
        if self.typed():
            discard_first(self, "What you typed is not saved. Discard it?")
        else:
            self.dismiss(None)

    def save(self, act: Callable[[], Coroutine[object, object, Answer]]) -> None:
        """Closes with the answer of an act; when it fails the dialog stays as it is and says why."""
        if not self.saving:
            self._carry_out(act, self.hold())

    @work(group="saving")
    async def _carry_out(self, act: Callable[[], Coroutine[object, object, Answer]], go_on: Callable[[], None]) -> None:
        try:
            answer = await act()
        except MemoriaError as error:
            go_on()
            refused(error)
            self.say(f"Not saved: {error}", wrong=True)
        else:
            self.dismiss(answer)

    async def write(
        self, what: str, act: Coroutine[object, object, Written], *, once: Iterable[str] = (), vectors: bool = False
    ) -> Written:
        """The answer of an act that writes in its turn; the dialog stays open until then. Raises the act's errors.

        `vectors`: memories are written.
        """
        self._writing += 1
        try:
            return await write(self.app, what, act, once=once, vectors=vectors)
        finally:
            self._writing -= 1

    def hold(self) -> Callable[[], None]:
        """Lets the fields take nothing while what stands in them is written; to be called when it failed.

        What is typed then would be in no memory, and would be gone with the dialog.
        """
        focused, box = self.focused, self.query_one("#dialog")
        self._saving = box.disabled = True
        self.set_focus(None)

        def go_on() -> None:
            self._saving = box.disabled = False
            if isinstance(self.app, TypingAhead):
                self.app.drop_waiting()  # they were meant for what comes after the dialog
            if focused is not None:
                focused.focus()

        return go_on

    @property
    def notes(self) -> str:
        """«new client acme · new project api»: what is typed here and not in use yet."""
        return " · ".join(note for field in self.name_fields if (note := field.note))

    @property
    def name_fields(self) -> Iterable[NameInput]:
        """The fields in which names are typed."""
        return self.query(NameInput)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Says something in the line for hints."""
        for hint in self.query("#hint").results(Static):
            hint.update(Content(escape_control(text)))
            hint.set_class(wrong, "-wrong")
            if text:
                hint.display = True


class DiscardDialog(Dialog[bool]):
    """Whether what was typed is to be thrown away. The person may still be typing it: no letter answers."""

    KEYS = (("ctrl+d", "discard it"), ("esc", "back"))
    BINDINGS = [Binding("ctrl+d", "answer(True)", "Discard", id="confirm.discard", tooltip="Discard what was typed")]


def discard_first(dialog: Dialog[Answer], question: str, answer: Answer | None = None) -> None:
    """Closes a dialog with an answer once the person agreed that what is typed is lost."""

    def answered(sure: bool | None) -> None:
        if sure:
            dialog.dismiss(answer)

    dialog.app.push_screen(DiscardDialog("Not saved", question), answered)
