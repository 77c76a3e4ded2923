"""An inbox that looks like a morning's: new ones, one changed, one deleted, and what they are like."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.curation.inbox import Near
from services.model import Action, Kind
from services.ports import PendingReview
from tests.tui.fakes import NOW, Store, filled, memory_id

_TTL = "The access token lives 60 seconds; it was 10 before"


def pending(
    number: int, place: int, hours: float, *, actor: str = "agent:claude-code", **fields: object
) -> PendingReview:
    """What waits of the memory of this number."""
    at = NOW - timedelta(hours=hours)
    one = PendingReview(
        memory_id(number), place, place, Action.CREATED, Kind.EDIT, actor, "memoria-mcp", at, True, None, None
    )
    return replace(one, **fields)  # type: ignore[arg-type]


def morning() -> Store:
    """The small team's store, of which agents wrote five memories."""
    store = filled()
    store.memories[memory_id(1)] = replace(store.memories[memory_id(1)], content=_TTL)
    reviewed = NOW - timedelta(days=3)
    store.unreviewed = {
        one.memory_id: one
        for one in (
            pending(2, 1, 9),
            pending(4, 2, 8.9),
            pending(1, 3, 3, is_new=False, action=Action.UPDATED, reviewed_by="anna", reviewed_at=reviewed),
            pending(8, 4, 2.9, is_new=False, action=Action.DELETED),
            pending(7, 5, 1, actor="agent:cursor"),
        )
    }
    known = filled().memories
    store.known = {memory_id(1): known[memory_id(1)], memory_id(8): replace(known[memory_id(5)], id=memory_id(8))}
    memories = store.memories
    store.near = {
        memory_id(2): (
            Near(memories[memory_id(1)], 0.91, (("after lunch", "10"),)),
            Near(memories[memory_id(3)], 0.83, ()),
        ),
        memory_id(1): (Near(memories[memory_id(3)], 0.81, ()),),
    }
    return store
