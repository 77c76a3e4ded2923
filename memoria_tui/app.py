"""The terminal program: modes, themes, keys that work everywhere, and the stores it opens after its first paint."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static, TextArea
from textual.worker import WorkerFailed, get_current_worker

from memoria_tui.back_and_forward import Walk
from memoria_tui.background import Background
from memoria_tui.keys.dialog_actions import DIALOG_GROUP, asks
from memoria_tui.keys.key_names import QUIT, QUIT_KEY, key_name
from memoria_tui.keys.typing_ahead import TypingAhead
from memoria_tui.keys.waiting_keys import Typed, takes_text
from memoria_tui.leaving import Leaving
from memoria_tui.modes.registry import GRAPH, MEMORIES, MODES, WORK, mode_of, wrong_mode
from memoria_tui.terminal.driver import TerminalDriver, has_shell
from memoria_tui.terminal.textual_internals import ParsedOnce, gathers, handling_node, read_styles
from memoria_tui.themes import THEMES, type_colours, wrong_theme
from memoria_tui.user_files.config import DEFAULT_THEME, remember_theme
from memoria_tui.user_files.drafts import FILE, Draft, DraftKeeper, DraftKind
from memoria_tui.write_queue import Writes, not_done
from services.errors import MemoriaError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from textual.command import Provider
    from textual.driver import Driver
    from textual.theme import Theme

    from memoria_tui.modes.memories.screen import MemoriesScreen
    from memoria_tui.modes.mode import ModeScreen
    from memoria_tui.modes.registry import Mode
    from memoria_tui.modes.timer_actions import Timing
    from memoria_tui.setup import Setup
    from memoria_tui.undoing import Undoing
    from services.backup.backup_values import UnfinishedRestore
    from services.container import Services

_SLOW_WRITE = 0.2
"""Seconds after which a person is told that something is being saved."""
_START = 5.0
"""Seconds for which keys wait at the most for the first mode."""
_FIRST_LIST = 0.5
"""Seconds for which everything else leaves the machine to the first list."""
_REST, _LOOK = 1.0, 0.1
"""Seconds without a key after which somebody does not type, and between two looks at it."""
_COLLECT, _COLLECTIONS = 3.0, 10
"""Seconds between two looks whether garbage is to be collected, and collections of younger objects after which it is.
"""
_COMPARING = 0.2
"""Seconds for which a text that was not saved is compared with the stores that hardly can have it."""
_CLOSE = 1.0
"""Seconds that closing the stores takes at most while they work."""
_LONG_TO_READ = 20.0
"""Seconds for a notice with a command to type."""


def _typed_ahead(text: str) -> Draft:
    return Draft(DraftKind.NEW_MEMORY, title="what keys waited for", values={"text": text})


def _action_commands() -> type[Provider]:
    from memoria_tui.keys.command_palette import ActionCommands

    return ActionCommands


def _other_mode_commands() -> type[Provider]:
    from memoria_tui.keys.command_palette import OtherModeCommands

    return OtherModeCommands


def _memory_commands() -> type[Provider]:
    from memoria_tui.keys.command_palette import MemoryCommands

    return MemoryCommands


class MemoriaApp(TypingAhead[None]):
    """Memories and work time in the terminal.

    The first paint waits for nothing but Textual: modes and dialogs are imported afterwards, in a thread.
    """

    TITLE = "memoria"
    CSS_PATH = "app.tcss"
    COMMANDS = App.COMMANDS | {_action_commands, _other_mode_commands, _memory_commands}
    NOTIFICATION_TIMEOUT = 6

    BINDINGS = [
        Binding("u", "undo", "Undo", id="app.undo", tooltip="Undo the last change"),
        Binding("U,ctrl+y", "redo", "Redo", id="app.redo", show=False, tooltip="Redo what was undone last"),
        Binding("H", "changes", "Changes", id="app.changes", show=False, tooltip="The last changes, to undo any"),
        *(
            Binding(
                mode.key, f"switch_mode('{mode.name}')", mode.title, id=f"app.{mode.name}", show=False,
                tooltip=mode.tooltip,
            )
            for mode in MODES
        ),
        Binding(
            "ctrl+t", "start_or_stop", "Timer", id="app.timer", show=False, priority=True, tooltip="Start or stop work"
        ),
        Binding(
            "ctrl+k", "pause_work", "Pause work", id="app.pause", show=False, priority=True, tooltip="Pause or resume"
        ),
        Binding("alt+left", "walk(-1)", "Back", id="app.back", show=False, tooltip="Back through what was read"),
        Binding("alt+right", "walk(1)", "Forward", id="app.forward", show=False, tooltip="Forward again"),
        Binding(
            "ctrl+p,colon", "command_palette", "Palette", id="app.palette", show=False, tooltip="Commands and memories"
        ),
        Binding("question_mark", "help", "Help", id="app.help", tooltip="What can be done here"),
        Binding(
            "ctrl+z",
            "suspend_process",
            "Suspend",
            id="app.suspend",
            show=False,
            priority=True,
            tooltip="Back to the shell; fg resumes",
        ),
        Binding(QUIT_KEY, "quit", "Quit", id=QUIT, show=False, priority=True, tooltip="Leave the program"),
    ]  # fmt: skip

    def __init__(self, setup: Setup, driver: type[Driver]) -> None:
        super().__init__(driver_class=driver)
        self.services: Services | None = None
        self.clock = setup.clock
        self.clipboards = setup.config.clipboards
        """Programs that take what is copied, the best one first."""
        self._setup = setup
        self._theme = setup.config.theme
        """As the settings name it."""
        self._open = AsyncExitStack()
        self._screens_made: dict[str, ModeScreen] = {}
        """By name, as far as they were made."""
        self.background = Background(self, lambda: self._opened_modes)
        for theme in THEMES:
            self.register_theme(theme)
        # Set before the app runs, so that the style sheets are read once.
        self.set_reactive(App.theme, self._theme if self._theme in self.available_themes else DEFAULT_THEME)
        self._refused: MemoriaError | None = None
        open_now, saves = lambda: (self, *self._open_screens), lambda: bool(self.writes.waiting)
        self.drafts = DraftKeeper(self, setup.drafts, open_now, self._say, saves, self._is_typed)
        self.writes: Writes = Writes(
            changed=self._writes_changed,
            unheard=self._write_failed,
            permit=self._permit,
            before=self.drafts.keep_before_a_write,
        )
        self._offers: list[Draft] = []
        """Texts that were not saved, which the person was not asked about yet."""
        self._unfinished: UnfinishedRestore | None = None
        """A restore that the person was not asked about yet."""
        self._compares = False
        """Whether what a crash cut short is finished, so that texts can be compared with the stores."""
        self.leaving = Leaving(self, self.writes, self._say, self.drafts.keep, lambda: self.owes_keys)
        self._slow_write: Timer | None = None
        self._saving = False
        """Whether a person is told that something is being saved."""
        self._keys_wait_for = ""
        self._waits_for = ""
        self._undoing: Undoing | None = None
        self._walk = Walk()
        self.stylesheet = ParsedOnce(variables=self.get_css_variables())
        for mode in MODES:
            self.add_mode(mode.name, partial(self._make, mode))

    def compose(self) -> ComposeResult:
        yield Static(f" {self.TITLE} · {self._setup.where} · starting …", id="opening", markup=False)

    def _make(self, mode: Mode) -> ModeScreen:
        screen = self._screens_made[mode.name] = mode.screen()(mode.name, self._setup)
        read_styles(screen)
        return screen

    def on_mount(self) -> None:
        self.set_keymap(self._setup.config.keymap)
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.leaving.watch_signals()
        if isinstance(self._driver, TerminalDriver):
            self._driver.is_ending = lambda: self.leaving.is_signalled
        self.mode_change_signal.subscribe(self, self._entered)
        self.app_resume_signal.subscribe(self, self._draw_again)
        self.hold_keys(_START)
        self.set_interval(_COLLECT, self._collect_garbage, name="garbage")
        self.call_after_refresh(self._begin)

    @work(exclusive=True, group="beginning")
    async def _begin(self) -> None:
        """Opens the stores, of which the first list needs one, and says what is wrong in the settings."""
        await self._open_stores()
        first = self._first_mode()
        await asyncio.to_thread(first.screen)
        await self._go_to(first, _FIRST_LIST)
        self.release_keys()
        if self.services is not None:
            self.background.start(self.services)
        for problem in [*self._setup.config.problems, *self._unknown_settings()]:
            self._say(problem, wrong=True)
        await self._ask_at_start()

    def _first_mode(self) -> Mode:
        """That of the settings, or Memories where it has texts that were not saved: keys are meant for what is shown,
        so a question about them comes where one is.
        """
        if self.services is not None:
            self.drafts.adopt()
        of_memories = any(draft.kind.is_of_memories for draft in self.drafts.left)
        return MEMORIES if of_memories else mode_of(self._setup.config.mode)

    async def _go_to(self, mode: Mode, patience: float) -> ModeScreen:
        """Shows a mode, and waits so many seconds for what it shows first."""
        await self.switch_mode(mode.name)
        screen = self._screens_made[mode.name]
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await screen.answered.wait()
        return screen

    def _unknown_settings(self) -> list[str]:
        """What the configuration names and nobody knows."""
        from memoria_tui.keys.key_help import wrong_keys

        wrong = wrong_theme(self._theme), wrong_mode(self._setup.config.mode)
        return [*filter(None, wrong), *wrong_keys(self._setup.config.keymap)]

    def _keep_theme(self, theme: Theme) -> None:
        if (file := self._setup.config.file) is not None and theme.name != self._theme:
            self._theme = theme.name
            self._write_theme(file)

    @work(group="theme", thread=True)
    def _write_theme(self, file: Path) -> None:
        try:
            remember_theme(file, lambda: self._theme)
        except (MemoriaError, OSError, ValueError) as error:
            self.call_from_thread(self._say, f"The theme is not remembered: {file}: {error}", wrong=True)

    def _say(self, message: str, *, wrong: bool = False) -> None:
        from memoria_tui.text.present import escape_control

        self.notify(escape_control(message), severity="warning" if wrong else "information", markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """Ends the app with one line, except for what looked for its widgets after its screen was closed."""
        if not self._of_what_is_gone(error):
            with suppress(Exception):  # a broken screen must not hide why it is broken
                self.drafts.keep()
            super()._handle_exception(error)

    def _of_what_is_gone(self, error: Exception) -> bool:
        """Whether a worker or handler looked for widgets after its screen was closed."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        node = get_current_worker().node if isinstance(error, WorkerFailed) else handling_node()
        if not isinstance(cause, NoMatches) or not isinstance(node, DOMNode) or node is self:
            return False
        return not self.is_running or not any(one in self._open_screens for one in node.ancestors_with_self)

    @property
    def _open_screens(self) -> list[Screen[object]]:
        """The screens of all modes that were opened, with the dialogs above them."""
        modes = (self.DEFAULT_MODE, *self._screens_made)
        return [screen for mode in modes for screen in self.get_screen_stack(mode)]

    def _fatal_error(self) -> None:
        """Without Textual's traceback, which shows texts of memories."""
        from memoria_tui.user_files.program_log import crashed

        error = self._exception
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.panic(Text(f"memoria-tui: {crashed(cause or RuntimeError())}"))

    async def on_unmount(self) -> None:
        await self.leaving.finish_in_time()
        self.drafts.release()
        closing = asyncio.create_task(self._open.aclose())
        _, late = await asyncio.wait({closing}, timeout=_CLOSE)
        if late and isinstance(self._driver, TerminalDriver):
            self._driver.give_back("Waiting for the stores to close; ctrl+c leaves at once")
        await closing

    def get_key_display(self, binding: Binding) -> str:
        """The key as it is written everywhere: «ctrl+s», «enter», «?»."""
        return binding.key_display or key_name(binding.key)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Only what has no key of its own: the rest is listed with its key."""
        yield SystemCommand("Theme", "Choose another theme", self.action_change_theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return type_colours(self.current_theme)

    @property
    def mode_screens(self) -> list[ModeScreen]:
        """The screens of all modes that were opened."""
        return list(self._opened_modes.values())

    @property
    def _opened_modes(self) -> dict[str, ModeScreen]:
        return {name: screen for name, screen in self._screens_made.items() if screen.is_running}

    # the stores

    def on_mode_screen_reopen(self) -> None:
        self._connect()

    def on_mode_screen_opened(self, event: ModeScreen.Opened) -> None:
        """Tells a mode that is opened later than the stores what the others were told."""
        if self.services is not None and not event.screen.is_connected:
            event.screen.connected(self.services)
            event.screen.status = self.background.status
            event.screen.away = self.background.away
        elif self._refused is not None:
            event.screen.failed(self._refused)

    def on_mode_screen_away_answered(self) -> None:
        self.background.set_away(None)

    def _entered(self, mode: str) -> None:
        """Shows what other modes changed meanwhile."""
        screen = self._screens_made.get(mode)
        if screen is not None and screen.is_running and screen.is_connected:
            screen.changed()

    @work(exclusive=True, group="stores")
    async def _connect(self) -> None:
        await self._open_stores()
        if self.services is not None:
            self.background.start(self.services)
        await self._ask_at_start()

    async def _open_stores(self) -> None:
        try:
            self.services = await self._open.enter_async_context(self._setup.open_stores())
        except MemoriaError as error:
            from memoria_tui.user_files.program_log import refused

            refused(error)
            self._refused = error
            for screen in self.mode_screens:
                screen.failed(error)
            return
        self._refused = None
        from memoria_tui.undoing import Undoing

        self._undoing = Undoing(self, self.services, self.writes, self.clock, self._say, self._was_undone)
        for screen in self.mode_screens:
            screen.connected(self.services)

    async def _ask_at_start(self) -> None:
        """Asks what is to become of a restore that was begun and not finished, and of texts that were not saved.

        Of a text at once when no store can have it, else when it can be compared.
        """
        if self.services is None:
            return
        self.drafts.adopt()
        self._offers, self._compares = list(self.drafts.left), False
        self._ask_soon()
        with suppress(MemoriaError):  # what keeps the database from answering is told by its status
            self._unfinished = await self.services.restoring.unfinished()
        if self._unfinished is not None or self._offers:
            await self.background.recovered()
            self._compares = True
            self._ask_soon()

    @work(exclusive=True, group="asking")
    async def _ask_soon(self) -> None:
        await self._rest()
        if self._unfinished is not None or any(self._can_offer(draft) for draft in self._offers):
            self._ask_about()
            self.wait_for_what_opens()

    def _can_offer(self, draft: Draft) -> bool:
        return self._compares or not draft.may_be_stored

    async def _rest(self) -> None:
        """Until nobody types: a question that nobody asked for takes no key that was meant for something else."""
        while self._types:  # noqa: ASYNC110  # nothing tells that somebody stopped typing
            await asyncio.sleep(_LOOK)

    def _collect_garbage(self) -> None:
        """Looks through what was made lately while nobody types: it stops the drawing."""
        if gc.get_count()[-1] >= _COLLECTIONS and not self._typed_lately:
            gc.collect()

    @property
    def _typed_lately(self) -> bool:
        return self.keys_under_way or time.monotonic() < self.pressed_at + _REST

    @property
    def _types(self) -> bool:
        if not self.screen_stack:
            return True  # it ends
        if self._typed_lately or self.screen not in self.mode_screens or isinstance(self.focused, Input | TextArea):
            return True
        return any(screen.is_editing for screen in self.mode_screens)

    @asks
    async def _ask_about(self) -> None:
        """Later again what made way for keys that were meant for something else."""
        if self._unfinished is not None and not await self._ask_about_restore(self._unfinished):
            self._ask_soon()
            return
        self._unfinished = None
        if not await self._offer_drafts():
            self._ask_soon()

    async def _ask_about_restore(self, begun: UnfinishedRestore) -> bool:
        """False when the question made way."""
        from memoria_tui.dialogs.unfinished_restore import FINISH, UnfinishedRestoreDialog
        from memoria_tui.text.present import escape_control

        assert self.services is not None
        restoring, advice = self.services.restoring, escape_control(begun.advice(self.clock().tzinfo or UTC))
        how = await self.push_screen_wait(dialog := UnfinishedRestoreDialog(advice))
        if dialog.made_way:
            return False
        if how is None:
            self.notify(advice, severity="warning", timeout=_LONG_TO_READ, markup=False)
            return True
        self.opening.no_more()
        finish = how == FINISH
        try:
            await self.writes.run("the restore", restoring.finish() if finish else restoring.take_back())
        except MemoriaError as error:
            self.notify(escape_control(str(error)), severity="error", timeout=_LONG_TO_READ, markup=False)
        else:
            self.notify("Restore finished" if finish else "Restore undone", markup=False)
        for screen in self.mode_screens:
            screen.changed()
        return True

    # what is typed and not saved

    def on_mode_screen_typed_elsewhere(self) -> None:
        self.drafts.keep_soon()

    def _is_typed(self) -> bool:
        """Whether keys that were pressed are still on their way to what they are typed into."""
        return self.keys_under_way or self.typed > 0

    async def _offer_drafts(self) -> bool:
        """Asks about each text that was not saved; False when others are to be offered later.

        One makes way for a key, or is in an editor now, which stays open.
        """
        from memoria_tui.dialogs.unsaved_text import UnsavedDialog

        for draft in [one for one in self._offers if self._can_offer(one) and one in self.drafts.left]:
            owner = await self._memories() if draft.kind.is_of_memories else self._timing
            if await self._is_stored(draft, owner):
                if FILE not in draft.values:  # else its editor may still save
                    self.drafts.drop(draft)
            else:
                opens = await self.drafts.offer(draft, dialog := UnsavedDialog(draft, makes_way=True))
                if dialog.made_way:
                    return False
                if opens and draft.kind.is_of_memories:  # which shows it
                    await self.switch_mode(MEMORIES.name)
                if opens and not await owner.reopen(draft):
                    self.drafts.left.append(draft)
            self._offers.remove(draft)
            if any(screen.is_editing for screen in self.mode_screens):
                return False
        return True

    async def _memories(self) -> MemoriesScreen:
        """The mode that has what was typed of memories; gone to where it was not yet."""
        from memoria_tui.modes.memories.screen import MemoriesScreen

        screen = self._screens_made.get(MEMORIES.name) or await self._go_to(MEMORIES, _START)
        assert isinstance(screen, MemoriesScreen)
        return screen

    async def _is_stored(self, draft: Draft, owner: MemoriesScreen | Timing) -> bool:
        """Whether the stores have it; those that take long to say so are not waited for where they hardly can."""
        try:
            async with asyncio.timeout(None if draft.may_be_stored else _COMPARING):
                return await owner.holds(draft)
        except TimeoutError:
            return False

    @property
    def draft(self) -> Draft | None:
        """Text that waits for what it is to be typed into."""
        return _typed_ahead(text) if (text := self.waiting_text) else None

    def keep_text(self, text: str) -> None:
        self.drafts.set_aside(_typed_ahead(text))

    # keys that work everywhere

    def begins(self, screen: Screen[object]) -> bool:
        return screen in self.mode_screens and screen.is_waiting

    def owes_answer(self, screen: Screen[object]) -> bool:
        from memoria_tui.dialogs.dialog import Dialog
        from memoria_tui.modes.mode import ModeScreen

        if isinstance(screen, CommandPalette):
            return gathers(screen)
        return isinstance(screen, Dialog | ModeScreen) and screen.owes_answer

    def saves(self, screen: Screen[object]) -> bool:
        from memoria_tui.dialogs.dialog import Dialog
        from memoria_tui.modes.mode import ModeScreen

        if isinstance(screen, Dialog):
            return screen.saving
        return isinstance(screen, ModeScreen) and self.writes.is_asked_since(self.since)

    @property
    def is_asked(self) -> bool:
        return bool(getattr(self.screen, "QUESTION", False))

    def notify_no_answer(self) -> None:
        from memoria_tui.dialogs.dialog import Dialog

        if isinstance(self.screen, Dialog):
            self.screen.say("No letter answers this that is typed in one go with other keys: press it by itself")

    def makes_way(self, event: Typed) -> bool:
        from memoria_tui.dialogs.dialog import Dialog

        return isinstance(self.screen, Dialog) and self.screen.make_way(event)

    def give_up(self, screen: Screen[object]) -> None:
        if screen in self.mode_screens:
            screen.give_up()

    def notify_leaving(self) -> None:
        self.leaving.say_what_waits()

    def notify_wait(self, what: str) -> None:
        if what != self._keys_wait_for:
            self._keys_wait_for = what
            self._say_busy()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent | events.Paste):
            self.background.attend()
            if isinstance(event, events.Key | events.Paste) and not self._leaves(event):
                self.leaving.forget_warning()
            self.drafts.keep_soon()
        await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("pause_work", "suspend_process") and isinstance(self.focused, Input | TextArea):
            return False  # there the keys cut a line and take typing back
        if action in ("start_or_stop", "pause_work"):
            return self.services is not None and self.screen in self.mode_screens
        if action == "walk":
            return self.screen in self.mode_screens and not isinstance(self.focused, Input | TextArea)
        if action in ("undo", "redo", "changes"):
            return self._undoing is not None
        return super().check_action(action, parameters)

    @property
    def _timing(self) -> Timing:
        from memoria_tui.modes.mode import ModeScreen
        from memoria_tui.modes.timer_actions import Timing

        screen = self.screen
        assert isinstance(screen, ModeScreen)
        assert self.services is not None
        return Timing(screen, self.services, self.clock, screen.status.sessions)

    @takes_text
    @asks
    async def action_start_or_stop(self) -> None:
        await self._timing.start_or_stop()

    @asks
    async def action_pause_work(self) -> None:
        await self._timing.pause_or_resume(ask=False)

    def on_work_changed(self) -> None:
        self.background.work_changed()

    # writes, and leaving after them

    async def _permit(self, vectors: bool) -> None:
        if self.services is not None:
            await self.services.database.permit()
            if vectors:
                await self.services.database.permit(vectors=True)

    def _writes_changed(self) -> None:
        """Says that something is being saved once that takes so long that a person wonders."""
        self.drafts.keep_soon()
        if self.writes.waiting and self._slow_write is None:
            self._slow_write = self.set_timer(_SLOW_WRITE, self._say_saving, name="saving")
        elif not self.writes.waiting and self._slow_write is not None:
            self._slow_write.stop()
            self._slow_write = None
            self._saving = False
            self._say_busy()
        elif self._saving:
            self._say_busy()

    def _say_saving(self) -> None:
        self._saving = True
        self._say_busy()

    def _say_busy(self) -> None:
        """What a person waits for, in the header."""
        number = len(self.writes.waiting)
        saving = (f"saving {number:,} …" if number > 1 else "saving …") if self._saving else ""
        keys = f"keys wait for {self._keys_wait_for} · esc" if self._keys_wait_for else ""
        for screen in self.mode_screens:
            screen.busy = " · ".join(filter(None, (saving, self._waits_for, keys)))

    def say_wait(self, line: str) -> None:
        """What the stores wait for of another program; "" once they go on."""
        self._waits_for = line
        self._say_busy()

    def _write_failed(self, what: str, error: BaseException) -> None:
        """A write whose screen or dialog is gone."""
        self._say(not_done(what, error), wrong=True)

    def _draw_again(self, _app: App[object]) -> None:
        """Draws everything after the terminal was somebody else's for a while."""
        for widget in self.screen.query("*"):
            widget.refresh()
        self.screen.refresh(layout=True)

    def action_suspend_process(self) -> None:
        if self.is_web:
            self._say("There is no shell to go to in a browser")
        elif not has_shell():
            self._say("There is no shell to go to: nothing could bring the program back")
        else:
            super().action_suspend_process()

    async def action_quit(self) -> None:
        self._leave()

    @work(group="leaving")
    async def _leave(self) -> None:
        await self.leaving.leave(self._unsaved)

    def _unsaved(self) -> tuple[str, ...]:
        """What was typed somewhere and is not saved."""
        from memoria_tui.dialogs.dialog import Dialog
        from memoria_tui.modes.mode import ModeScreen

        return tuple(what for one in self._open_screens if isinstance(one, ModeScreen | Dialog) for what in one.unsaved)

    @work(group=DIALOG_GROUP)
    async def action_undo(self) -> None:
        if self._undoing is not None:
            await self._undoing.undo()

    @work(group=DIALOG_GROUP)
    async def action_redo(self) -> None:
        if self._undoing is not None:
            await self._undoing.redo()

    @asks
    async def action_changes(self) -> None:
        if self._undoing is not None:
            await self._undoing.changes()

    def _was_undone(self, line: str) -> None:
        from memoria_tui.dialogs.dialog import Dialog

        self.on_work_changed()
        if isinstance(self.screen, Dialog):
            self.screen.undone(line)
        for screen in self.mode_screens:
            screen.changed()

    @takes_text
    def action_help(self) -> None:
        from memoria_tui.dialogs.help import HelpDialog
        from memoria_tui.keys.key_help import sections

        screen = self.screen
        title = (getattr(screen, "HELP", None) or "Help").partition(":")[0]
        self.push_screen(HelpDialog(title, sections(screen, self.get_key_display)))

    @work(exclusive=True, group="command")
    async def act_in(self, mode: Mode, action: str, key: str) -> None:
        """Goes to a mode and acts there; what it has to be done to is chosen there first."""
        screen = await self._go_to(mode, _START)
        if action not in screen.FROM_ELSEWHERE:
            self._say(f"{key} does that here: go first to what it is for")
        elif screen.check_action(action, ()):
            await self.run_action(action, screen)
        else:
            self._say(f"{key} does that here, but not now")

    def show_memory(self, memory_id: str) -> None:
        """Goes to the Memories mode and shows one memory."""
        self._search_for(f"id:{memory_id}")

    def _search_for(self, text: str) -> None:
        from memoria_tui.modes.memories.screen import MemoriesScreen

        self.switch_mode(MEMORIES.name)
        screen = self._screens_made[MEMORIES.name]
        assert isinstance(screen, MemoriesScreen)
        if screen.is_mounted:
            screen.search_for(text)
        else:
            screen.call_later(screen.search_for, text)

    def on_mode_screen_search_wanted(self, event: ModeScreen.SearchWanted) -> None:
        """Goes to the Memories mode and searches."""
        self._search_for(event.text)

    def on_mode_screen_visited(self, event: ModeScreen.Visited) -> None:
        """Back and forward lead to it from now on."""
        self._walk.visit(event.place)

    def action_walk(self, by: int) -> None:
        """Goes back or forward through what was read, in whatever mode that was."""
        screen = self._screens_made.get(self.current_mode)
        if (place := self._walk.step(by, screen.place if screen is not None else None)) is None:
            self._say("Nothing was read before this" if by < 0 else "There is nothing to go forward to")
            return
        self.switch_mode(place.mode)
        self._screens_made[place.mode].go_to(place)

    def on_mode_screen_graph_wanted(self, event: ModeScreen.GraphWanted) -> None:
        """Goes to the Graph mode and stands on one memory."""
        from memoria_tui.modes.graph.screen import GraphScreen

        self.switch_mode(GRAPH.name)
        screen = self._screens_made[GRAPH.name]
        assert isinstance(screen, GraphScreen)
        screen.stand_on(event.memory_id)

    def on_mode_screen_sessions_wanted(self, event: ModeScreen.SessionsWanted) -> None:
        """Goes to the Work mode and narrows its log."""
        from memoria_tui.modes.work.screen import WorkScreen

        self.switch_mode(WORK.name)
        screen = self._screens_made[WORK.name]
        assert isinstance(screen, WorkScreen)
        screen.narrow(event.where)
