"""Near-identical memories, opened from any mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria_tui.dialogs.duplicates import DuplicatesDialog
from memoria_tui.writes import written

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.model import Memory


async def open_duplicates(screen: ModeScreen, chosen: Sequence[Memory] = ()) -> None:
    """Those of all memories, or the chosen ones side by side."""
    await written(screen.app)
    if await screen.ask(DuplicatesDialog(screen.services, screen.clock, [one.id for one in chosen])):
        screen.changed()
