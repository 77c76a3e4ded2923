"""Who acts: the person of the settings, unless a task acts for somebody else, as a server does for its clients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from services.settings import Settings

_other: ContextVar[str | None] = ContextVar("actor", default=None)


@contextlib.contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """What this task, and those that it starts, writes meanwhile is theirs in the history; so is what it can undo."""
    before = _other.set(actor)
    try:
        yield
    finally:
        _other.reset(before)


def actor_of(settings: Settings) -> str:
    """Who the history names for a change that is made now."""
    return _other.get() or settings.actor
