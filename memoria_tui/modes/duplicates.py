"""Near-identical memories, opened from any mode."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from memoria_tui.text.text_difference import merged
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.write_queue import written
from services.errors import MemoriaError, NotFound

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.model import Memory


async def open_duplicates(screen: ModeScreen, chosen: Sequence[Memory] = ()) -> None:
    """Those of all memories, or the chosen ones side by side."""
    from memoria_tui.dialogs.duplicates import DuplicatesDialog

    await written(screen.app)
    if await screen.ask(DuplicatesDialog(screen.services, screen.clock, [one.id for one in chosen])):
        screen.changed()


class MergedTexts:
    """Texts of two memories that were merged and not saved when the program ended."""

    def __init__(self, screen: ModeScreen, create: Callable[[Draft], Awaitable[object]]) -> None:
        """`create` asks for a new memory, where one of the two is gone."""
        self._screen = screen
        self._create = create

    async def reopen(self, draft: Draft) -> bool:
        """Goes on with the text, beside what others wrote meanwhile; False when the memories cannot be read."""
        from memoria_tui.dialogs.merged_text import MergedText, merged_draft

        memories, text = self._screen.services.memories, draft.values.get("text", "")
        try:
            kept, other = [await memories.get(one) for one in draft.of.split(",")]
        except NotFound:
            self._screen.say("One of the two is gone: saving makes a new one")
            await self._create(Draft(DraftKind.NEW_MEMORY, values={"text": text}))
            return True
        except MemoriaError as error:
            self._screen.say(str(error), wrong=True)
            return False

        begun = merged_draft((kept, other))
        changed = [now for name, now in begun.values.items() if now != draft.values.get(name, now)]
        for now in changed:
            text = await asyncio.to_thread(merged, now, text)
        hint = "Changed meanwhile: what they say now is between marks, as theirs" if changed else ""
        begun = replace(begun, values={**begun.values, "text": text})
        if told := await self._screen.ask(MergedText(self._screen.services, (kept, other), kept.content, begun, hint)):
            self._screen.say_done(f"{told[0].upper()}{told[1:]}")
            self._screen.changed()
        return True

    async def holds(self, draft: Draft) -> bool:
        """Whether the one that stays has the text. Raises what the services raise."""
        kept = await self._screen.services.memories.get(draft.of.partition(",")[0])
        return kept.content == draft.values.get("text", "").strip()
