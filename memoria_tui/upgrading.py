"""How a person is asked before anything is added to stores that other programs made: by the app, on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

    from memoria_tui.cli.terminal import Terminal
    from services.model.database import Ask, UpgradePlan


async def ask_in_app(app: App[None], plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
    """Asks in a dialog over whatever is on screen; the act that waits for the answer goes on after it."""
    from memoria_tui.dialogs.upgrade_database import UpgradeDialog

    answer: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()

    def answered(yes: bool | None) -> None:
        if not answer.done():  # the act may have been given up meanwhile
            answer.set_result(yes)

    await app.push_screen(UpgradeDialog(plan, upgrade), answered)
    return bool(await answer)


def asking_on(terminal: Terminal) -> Ask | None:
    """Asks with y/N; None where nobody can answer."""
    if not terminal.is_interactive:
        return None

    async def ask(plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
        for line in lines(plan):
            terminal.info(line)
        if not await terminal.confirm("Add this now?"):
            return False
        await upgrade()
        return True

    return ask


def lines(plan: UpgradePlan) -> list[str]:
    """The plan as text, for a terminal."""
    told = ["Before the first write, once; no memory, relation or session is changed:"]
    return told + [f"  {sign} {what}" if sign else what for sign, what in plan.steps()]
