"""The tools that show what was changed, and undo what the agent itself did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from memoria_tui.agents.tool import Agent, Limit, Number
from services.acting import Scope, require
from services.model import Act, Change, IfChanged, Kind

_AGAIN = {Kind.UNDO: "undone", Kind.REDO: "redone"}


@dataclass(frozen=True, slots=True)
class Event:
    """One act, or one change of a memory."""

    act_id: str
    at: datetime
    who: str
    program: str
    what: str
    titles: tuple[str, ...] = ()
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Events:
    """Newest first."""

    events: tuple[Event, ...]
    next: int | None = None
    """Where those before them begin, if there are any: give it as `before`."""


async def history(
    agent: Agent,
    memory_id: Annotated[
        str | None, Field(description="A memory, also a deleted one; without it the last acts")
    ] = None,
    limit: Limit = 20,
    before: Annotated[
        int | None, Field(ge=1, lt=2**63, description="Only what was done before: `next` of an answer"), Number
    ] = None,
) -> Events:
    """Show who changed a memory, when and how; without a memory what everybody did last. An act is undone by
    memoria_undo with its act_id."""
    if memory_id is None:
        page = await agent.services.memories.acts.page(limit, before)
        return Events(tuple(map(_of_act, page.acts)), page.more)
    left = await agent.services.memories.history(await known_id(agent, memory_id), limit + 1, before=before)
    more = left[limit - 1].id if len(left) > limit else None
    return Events(tuple(map(_of_change, left[:limit])), more)


async def known_id(agent: Agent, memory_id: str) -> str:
    """The whole id of a memory that is there, or of one that may be deleted. Raises NotFound."""
    from services.memories.stored_memories import canonical

    return canonical(memory_id.strip()) or (await agent.services.memories.get(memory_id)).id


@dataclass(frozen=True, slots=True)
class TakenBack:
    what: str
    left: tuple[str, ...] = ()
    """What stays, because it was changed since."""


async def undo(
    agent: Agent,
    act_id: Annotated[
        str | None, Field(description="An act of memoria_history; your last one in this session if omitted")
    ] = None,
) -> TakenBack:
    """Undo your last act, or another act of yours. What was changed since then by others stays and is named. What a
    person did, only a person undoes."""
    require(Scope.WRITE, "undo")
    memories = agent.services.memories
    preview = await memories.undo_preview(None if act_id is None else await memories.acts.find(act_id))
    undone = await memories.undo(preview.group, IfChanged.LEAVE)
    return TakenBack(undone.line, tuple(one.line for one in undone.left))


def _of_act(act: Act) -> Event:
    what = f"{again}: {act.summary}" if (again := _AGAIN.get(act.kind)) else act.summary
    return Event(act.group, act.at, act.actor, act.program, what, act.titles, act.undone)


def _of_change(change: Change) -> Event:
    return Event(change.group, change.at, change.actor, change.program, change.summary or str(change.action))
