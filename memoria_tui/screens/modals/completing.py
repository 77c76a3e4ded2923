"""Completion in an input: asks for the values that are in use and offers the first that fits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.suggester import Suggester

from services.errors import MemoriaError

Complete = Callable[[str], Awaitable[tuple[str, ...]]]
"""Prefix → values in use that begin so, most used first."""


class Completing(Suggester):
    """Offers the most used value that begins as the text does."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        before, comma, prefix = value.rpartition(",")
        start = before + comma + prefix[: len(prefix) - len(prefix.lstrip())]
        if not (prefix := prefix.strip()):
            return None
        try:
            found = await self._complete(prefix)
        except MemoriaError:
            return None
        fitting = (text for text in found if text.startswith(prefix) and text.isprintable())
        return next((start + text for text in fitting), None)
