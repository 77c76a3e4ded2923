"""A language model that answers."""

from __future__ import annotations

from typing import Protocol


class Chat(Protocol):
    """Raises StoreUnavailable while it cannot be reached, EmbeddingFailed when it refuses (the model is not there)."""

    async def answer(self, instruction: str, question: str, model: str | None = None) -> str:
        """What the model says to a question; `model` is another one than that of the settings."""
        ...

    async def close(self) -> None: ...
