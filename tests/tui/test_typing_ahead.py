"""Keys wait for what the keys before them do, however long the machine takes for it."""

from __future__ import annotations

import asyncio
from itertools import count
from time import monotonic
from typing import cast

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from memoria_tui.keys import typing_ahead
from memoria_tui.keys.typing_ahead import TypingAhead
from memoria_tui.terminal.driver import TerminalDriver
from tests.tui.conftest import make_app, type_at_once
from tests.tui.fakes import filled
from tests.tui.quick import quick

_STEPS = 100


class Form(ModalScreen[None]):
    """A dialog that takes many steps until its field has the focus."""

    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        yield Input()

    async def on_mount(self) -> None:
        for _ in range(_STEPS):
            await asyncio.sleep(0)
        self.query_one(Input).focus()


class Question(ModalScreen[str]):
    BINDINGS = [Binding("y", "dismiss('y')", "Yes")]

    def compose(self) -> ComposeResult:
        yield Static("Really?")


class Keys(TypingAhead[None]):
    BINDINGS = [Binding("n", "open", "New"), Binding("d", "ask", "Delete")]

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str | None] = []

    @property
    def is_asked(self) -> bool:
        return isinstance(self.screen, Question)

    def action_open(self) -> None:
        self.push_screen(Form())

    def action_ask(self) -> None:
        self.push_screen(Question(), self.said.append)


@pytest.fixture
def stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stands still for ten seconds before each step."""
    steps = count()
    monkeypatch.setattr(typing_ahead, "monotonic", lambda: monotonic() + 10 * next(steps))


async def done(app: Keys) -> None:
    async with asyncio.timeout(60):
        while app.owes_keys:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("stands_still")
async def test_no_letter_is_lost_before_the_field_has_the_focus_however_slow_the_machine_is() -> None:
    app = quick(Keys())
    async with app.run_test() as pilot:
        type_at_once(pilot, "n", *"xyz")
        await done(app)
        assert app.screen.query_one(Input).value == "xyz"


@pytest.mark.usefixtures("stands_still")
async def test_the_first_letter_of_a_text_answers_no_question_however_late_the_others_are_read() -> None:
    app = quick(Keys())
    async with app.run_test() as pilot:
        type_at_once(pilot, "d")
        await done(app)
        app.pressed_at = 0.0  # the question was there for a while
        type_at_once(pilot, *"yes")
        await done(app)
        assert app.said == []


async def test_keys_are_not_waited_for_while_another_program_has_the_terminal() -> None:
    app = make_app(filled())
    app._driver = driver = TerminalDriver(cast("App[object]", app), size=(80, 24))
    app.typed = 1
    assert app.owes_keys
    driver._will_resume = True  # as after the key that opens the editor, whose effect goes on
    assert not app.owes_keys
