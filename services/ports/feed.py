"""Notifications of writes by other programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from services.model import Subject

Tell = Callable[[frozenset[Subject]], None]


class Feed(Protocol):
    """The database as it changes, whoever changes it; the program's own writes are told too."""

    async def watch(self, tell: Tell) -> None:
        """Calls `tell` with what was written, and with everything after a time in which it could not look.

        Never ends and raises nothing but cancellation: a database that is away is looked for until it is back.
        """
        ...
