"""Deciding on relations that are suggested: for one memory, or for all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memoria_tui.dialogs.suggestion_review import ReviewDialog, ReviewQueue
from memoria_tui.text import present
from services.graph.suggestions import MOST_OF_A_MEMORY
from services.model import counted

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.model import Memory


class Suggestions:
    """Keeps what a review of all memories has found, so that it goes on where it was left."""

    def __init__(self, screen: ModeScreen) -> None:
        self._screen = screen
        self._review: ReviewQueue | None = None

    async def suggest(self, memory: Memory) -> None:
        """Offers what one memory may be related to."""
        found = await self._screen.attempt(self._screen.services.suggestions.suggest(memory.id, MOST_OF_A_MEMORY))
        if found is not None:
            title = f'Suggested for "{present.clip(present.title(memory), 44)}"'
            await self._decide(title, ReviewQueue(list(found), finished=True))

    async def review(self) -> None:
        """Goes on with the review of all memories, also of an earlier start, or begins it again."""
        if self._review is None:
            place = await self._screen.attempt(self._screen.services.suggestions.review_place())
            if place is None:
                return
            self._review = ReviewQueue.resumed(place)
        elif self._review.finished and not self._review.waiting:
            self._review = ReviewQueue.resumed(replace(self._review.place, resume_from=None))
        await self._decide("Review of all memories", self._review)

    async def _decide(self, title: str, queue: ReviewQueue) -> None:
        dialog = ReviewDialog(title, self._screen.services, queue)
        if accepted := await self._screen.ask(dialog):
            self._screen.say_done(f"{counted(accepted, 'relation')} accepted")
            self._screen.changed()
