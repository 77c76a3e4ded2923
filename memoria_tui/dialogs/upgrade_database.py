"""Shows what the stores that others made must get before the first write, and adds it on a yes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from textual import work
from textual.app import App
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import escape_control
from memoria_tui.widgets.keys_line import KeysLine
from memoria_tui.widgets.lazy_static import LazyStatic
from services.errors import MemoriaError

if TYPE_CHECKING:
    from services.model.database import UpgradePlan


class UpgradeDialog(Dialog[bool]):
    """A question whose yes is carried out before the dialog closes; its answer is whether that was done."""

    QUESTION = True
    KEYS = (("y", "add it and go on"), ("n", "change nothing"))
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS = [
        Binding("y", "yes", "Yes", id="upgrade.yes", tooltip="Add it, then do what was asked"),
        Binding("n", "leave", "No", id="upgrade.no", tooltip="Change nothing in the stores"),
    ]

    def __init__(self, plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> None:
        super().__init__("Before the first change")
        self._plan = plan
        self._upgrade = upgrade
        self._ticking: Timer | None = None
        self._seconds = 0

    def compose_body(self) -> Iterable[Widget]:
        yield Static(
            Content(
                "Another program made these stores. To keep a history that undo can use, this one adds to them, once; "
                "no memory, relation or session is changed, and MCP Memoria goes on working with them."
            ),
            classes="section",
        )
        with VerticalScroll():
            for sign, what in self._plan.steps():
                with Horizontal(classes="entry" if sign else "place"):
                    yield Static(Content.styled(f" {sign} " if sign else "", "bold $accent"), classes="sign")
                    yield Static(Content.styled(escape_control(what), "" if sign else "bold"))
        yield LazyStatic("", id="hint")

    def action_yes(self) -> None:
        if self._ticking is None:
            self._ticking = self.set_interval(1.0, self._tick)
            self.say(self._progress())
            self.query_one(KeysLine).show((("", "a moment, it is one transaction"),))
            self._carry_out()

    def action_leave(self) -> None:
        if self._ticking is None:
            self.dismiss(False)

    @work(exclusive=True, group="upgrade")
    async def _carry_out(self) -> None:
        try:
            await self._upgrade()
        except MemoriaError as error:
            self._stop()
            self.say(f"Nothing was added: {error}", wrong=True)
            self.query_one(KeysLine).show((("y", "try again"), ("n", "change nothing")))
        else:
            self._stop()
            self.dismiss(True)

    def _stop(self) -> None:
        if self._ticking is not None:
            self._ticking.stop()
        self._ticking, self._seconds = None, 0

    def _tick(self) -> None:
        self._seconds += 1
        self.say(self._progress())

    def _progress(self) -> str:
        return f"Adding … {self._seconds} s" if self._seconds else "Adding …"


async def ask_in_app(app: App[None], plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
    """Asks in a dialog over whatever is on screen; the act that waits for the answer goes on after it."""
    answer: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()

    def answered(yes: bool | None) -> None:
        if not answer.done():  # the act may have been given up meanwhile
            answer.set_result(yes)

    await app.push_screen(UpgradeDialog(plan, upgrade), answered)
    return bool(await answer)
