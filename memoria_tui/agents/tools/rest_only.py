"""What programs need of memories, and agents do not: all of one, versions against lost updates, many in one call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from memoria_tui.agents.tool import (
    Agent,
    DateFrom,
    DateTo,
    Flag,
    Id,
    Limit,
    Name,
    Offset,
    Question,
    Share,
    Text,
    Types,
    Words,
)
from memoria_tui.agents.tool_answers import Found
from memoria_tui.agents.tools import search
from memoria_tui.agents.tools.memories import (
    Deleted,
    Metadata,
    NewTags,
    checked_metadata,
    clean_tags,
    drafted,
    named_project,
    noted,
    store,
)
from services.errors import Conflict, InvalidInput
from services.model import DEFAULT_IMPORTANCE, Memory, MemoryChanges, MemoryType
from services.secret_texts import describe_secrets

IfMatch = Annotated[str | None, Field(description="The ETag that it must have, else nothing is written")]


class ChangedSince(Conflict):
    """A memory has not the version any more that its caller knows."""


@dataclass(frozen=True, slots=True)
class Record:
    """A memory with all that it has."""

    id: str
    type: MemoryType
    content: str
    tags: tuple[str, ...]
    importance: float
    project: str | None
    metadata: dict[str, Any]
    created_at: datetime | None
    updated_at: datetime | None
    accessed_at: datetime | None
    access_count: int
    pending: bool
    """Whether its vectors are still to be made."""
    version: str
    """Another one after each change; the ETag."""
    note: str = ""
    """What should be known of it after it was written: a secret in it, or masked; one that is nearly the same."""


async def read(agent: Agent, memory_id: Id) -> Record:
    """One memory, whole."""
    return _record(await agent.services.memories.get(memory_id))


async def create(
    agent: Agent,
    content: Text,
    memory_type: MemoryType = MemoryType.EPISODIC,
    tags: NewTags = None,
    importance: Share = DEFAULT_IMPORTANCE,
    project: Name | None = None,
    metadata: Metadata = None,
) -> Record:
    """Store a memory."""
    written = await store(agent, content, memory_type, tags, importance, project, metadata)
    return _record(await agent.services.memories.get(written.id), written.note)


@dataclass(frozen=True, slots=True)
class NewMemory:
    content: Text
    memory_type: MemoryType = MemoryType.EPISODIC
    tags: tuple[Name, ...] = ()
    importance: Share = DEFAULT_IMPORTANCE
    project: Name | None = None
    metadata: Metadata = None


@dataclass(frozen=True, slots=True)
class Ids:
    ids: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """Which of them have secrets, or had some that were masked."""


MOST_AT_ONCE = 1000


async def create_many(
    agent: Agent, memories: Annotated[list[NewMemory], Field(min_length=1, max_length=MOST_AT_ONCE)]
) -> Ids:
    """Store many memories in one act: all of them, or none."""
    drafts = [
        drafted(agent, one.content, one.memory_type, one.tags, one.importance, one.project, one.metadata)
        for one in memories
    ]
    ids = tuple(await agent.services.memories.create_many(drafts))
    secrets = ((id_, describe_secrets(one.content)) for id_, one in zip(ids, drafts, strict=True))
    masks = agent.services.settings.secrets == "mask"
    told = "{}: the text was altered: masked {}" if masks else "{} has {}: take out what is secret"
    return Ids(ids, tuple(told.format(id_, some) for id_, some in secrets if some))


async def change(
    agent: Agent,
    memory_id: Id,
    content: Text | None = None,
    memory_type: MemoryType | None = None,
    tags: Annotated[list[Name] | None, Field(description="These in the place of all others")] = None,
    importance: Share | None = None,
    project: Annotated[Name | None, Field(description="Null or an empty text for none")] = None,
    metadata: Annotated[dict[str, Any] | None, Field(description="Keys to set; null removes one")] = None,
    if_match: IfMatch = None,
) -> Record:
    """Change what is given of a memory; the rest stays."""
    base, check = await agent.services.memories.get(memory_id), partial(_require_version, if_match)
    keys = checked_metadata(metadata)
    project = named_project(project, keys)
    removed = tuple(key for key, value in keys.items() if value is None)
    changes = MemoryChanges(
        content,
        None if tags is None else clean_tags(tags),
        importance,
        project,
        memory_type,
        {key: value for key, value in keys.items() if value is not None},
        removed,
    )
    memory = await agent.services.memories.update(base, changes, check=check)
    return _record(memory, "" if memory.content == base.content else await noted(agent, memory, content))


async def remove(agent: Agent, memory_id: Id, if_match: IfMatch = None) -> Deleted:
    """Move a memory to the trash, with its relations."""
    memory = await agent.services.memories.get(memory_id)
    return Deleted(await agent.services.memories.delete([memory.id], partial(_require_version, if_match)), (memory.id,))


@dataclass(frozen=True, slots=True)
class Search:
    """As one search."""

    query: Question
    memory_types: Types = None
    limit: Limit = 5
    min_score: Share = 0.5
    text_match: Words | None = None
    compact: Flag = False
    hybrid: Flag = False
    date_from: DateFrom = None
    date_to: DateTo = None
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class Answers:
    answers: tuple[Found, ...]
    """One a search, in their order."""


async def recall_many(agent: Agent, searches: Annotated[list[Search], Field(min_length=1, max_length=20)]) -> Answers:
    """Recall memories for several queries."""
    answers = [
        await search.recall(agent, **{name: getattr(one, name) for name in Search.__slots__}) for one in searches
    ]
    return Answers(tuple(answers))


def versions(header: str) -> set[str]:
    """Those of an If-Match or If-None-Match; «*» for any."""
    return {known for one in header.split(",") if (known := one.strip().removeprefix("W/").strip('"'))}


def _require_version(wanted: str | None, memory: Memory) -> None:
    """Raises ChangedSince unless the memory has one of the versions of an If-Match, InvalidInput if that is empty."""
    if wanted is None:
        return
    if not (known := versions(wanted)):
        raise InvalidInput("If-Match is empty: nothing was written; send the ETag of the memory, or no If-Match")
    if "*" not in known and _version(memory) not in known:
        raise ChangedSince(f"{memory.id} was changed since; get it again: nothing was written", memory)


def _record(memory: Memory, note: str = "") -> Record:
    return Record(
        memory.id,
        memory.type,
        memory.content,
        memory.tags,
        memory.importance,
        memory.project,
        dict(memory.metadata),
        memory.created_at,
        memory.updated_at,
        memory.accessed_at,
        memory.access_count,
        memory.pending,
        _version(memory),
        note,
    )


def _version(memory: Memory) -> str:
    told: Sequence[object] = (
        memory.type,
        memory.content,
        memory.tags,
        memory.importance,
        memory.project,
        memory.metadata,
        memory.updated_at,
    )
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:32]
