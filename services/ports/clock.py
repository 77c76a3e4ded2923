"""What time it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is; tests hold it still."""

    def __call__(self) -> datetime:
        """Now, aware."""
        ...


def machine_clock() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)
