"""Near-identical memories, opened from any mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria_tui.dialogs.duplicates import DuplicatesDialog
from memoria_tui.writes import written
from services.curation.duplicates import DuplicateService

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.model import Memory


async def open_duplicates(screen: ModeScreen, chosen: Sequence[Memory] = ()) -> None:
    """Those of all memories, or the chosen ones side by side."""
    await written(screen.app)
    cluster = DuplicateService.among(chosen) if chosen else None
    if await screen.ask(DuplicatesDialog(screen.services, screen.clock, cluster)):
        screen.changed()
