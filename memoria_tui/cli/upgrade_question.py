"""How a person on a terminal is asked before anything is added to stores that other programs made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.model.database import Ask, UpgradePlan


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
