"""The values that services and screens exchange. All frozen; none is a row, a response or a Qdrant point.

Ids are UUIDs as canonical lowercase strings. Datetimes are aware. Scores have no unit, higher is better.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class MemoryType(StrEnum):
    """The three kinds of memory; also the names of the collections."""

    EPISODIC = "episodic"
    SEMANTIC = "semantic"
    PROCEDURAL = "procedural"


class RelationType(StrEnum):
    """How one memory relates to another, read from source to target."""

    CAUSES = "causes"
    FIXES = "fixes"
    SUPPORTS = "supports"
    OPPOSES = "opposes"
    FOLLOWS = "follows"
    SUPERSEDES = "supersedes"
    DERIVES = "derives"
    PART_OF = "part_of"
    RELATED = "related"


class RelationCreator(StrEnum):
    """Who made a relation: a person, a suggestion that was accepted, or a program."""

    USER = "user"
    AUTO = "auto"
    SYSTEM = "system"


class SearchMode(StrEnum):
    """Which legs a search uses."""

    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class SortKey(StrEnum):
    """What a list of memories can be ordered by."""

    RELEVANCE = "relevance"
    CREATED = "created_at"
    UPDATED = "updated_at"
    IMPORTANCE = "importance"


@dataclass(frozen=True, slots=True)
class Memory:
    """One logical memory, whole, however many chunks it is stored in."""

    id: str
    type: MemoryType
    content: str
    """The whole text, exactly as stored."""
    created_at: datetime | None = None
    """None when the payload lacks the date or it cannot be read."""
    updated_at: datetime | None = None
    accessed_at: datetime | None = None
    access_count: int = 0
    importance: float = 0.5
    """0..1."""
    tags: tuple[str, ...] = ()
    project: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    """Every other payload key with its value as stored (`confidence`, `steps`, custom keys, …)."""
    chunk_count: int = 1
    """Points that hold it."""
    headless: bool = False
    """True when chunk 0 is missing: upstream's defect, the text is whole all the same."""
    pending: bool = False
    """True while it waits for its vectors; keyword search finds it meanwhile."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of the text's UTF-8 bytes, hexadecimal (lone surrogates passed through)."""
        return hashlib.sha256(self.content.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def title(self) -> str:
        """The first line that is not blank, without Markdown heading marks; "" for an empty memory."""
        for line in self.content.splitlines():
            if stripped := line.strip().lstrip("#").strip():
                return stripped
        return ""


@dataclass(frozen=True, slots=True)
class MemoryDraft:
    """A memory to be made. Dates, id and defaults that are None are filled in by the service."""

    content: str
    type: MemoryType = MemoryType.SEMANTIC
    id: str | None = None
    tags: tuple[str, ...] = ()
    importance: float = 0.5
    project: str | None = None
    created_at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryChanges:
    """What an edit sets; a field that is None stays as it is."""

    content: str | None = None
    tags: tuple[str, ...] | None = None
    importance: float | None = None
    project: str | None = None
    """"" removes the project."""
    type: MemoryType | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    """Keys to set."""
    removed_keys: tuple[str, ...] = ()
    """Metadata keys to remove."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to the memories: the text a person typed, already parsed into its operators."""

    raw: str = ""
    """The text as typed, for display and for telling a late result from a current one."""
    text: str = ""
    """What is left for ranking: the words (phrases included) without operators; "" lists all."""
    phrases: tuple[str, ...] = ()
    """Must occur as they stand, case-insensitive."""
    excluded_words: tuple[str, ...] = ()
    types: tuple[MemoryType, ...] = ()
    excluded_types: tuple[MemoryType, ...] = ()
    tags: tuple[str, ...] = ()
    """All of them."""
    excluded_tags: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    """Any of them."""
    excluded_projects: tuple[str, ...] = ()
    since: datetime | None = None
    """created_at ≥."""
    before: datetime | None = None
    """created_at <."""
    min_importance: float | None = None
    """≥."""
    max_importance: float | None = None
    """≤."""
    has_relations: bool | None = None
    orphan: bool | None = None
    """True: memories without any relation."""
    pending: bool | None = None
    id_prefixes: tuple[str, ...] = ()
    like: str | None = None
    """Id of a memory whose vectors are the question («more like this»)."""
    mode: SearchMode = SearchMode.HYBRID
    sort: SortKey = SortKey.RELEVANCE
    """RELEVANCE with an empty text means newest first."""
    descending: bool = True
    limit: int = 100
    """Most hits of a ranked search; lists page without it."""

    @property
    def ranked(self) -> bool:
        """True when hits are ordered by relevance, False when they are a plain list."""
        return bool(self.text or self.like) and self.sort is SortKey.RELEVANCE


@dataclass(frozen=True, slots=True)
class Why:
    """The parts of a hit's score, each scaled to 0..1; None when that leg did not find it."""

    dense: float | None = None
    keyword: float | None = None
    graph: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory found, with the reason."""

    memory: Memory
    score: float = 0.0
    """0..1 within one result; 0.0 in plain lists."""
    why: Why = Why()
    passage: str = ""
    """Text of the chunk that matched best; "" in plain lists."""
    relations: int = 0
    """Number of relations of the memory."""


@dataclass(frozen=True, slots=True)
class FacetCount:
    """One value of a facet and how many memories have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """Live counts beside a list. Each memory counts once."""

    types: tuple[FacetCount, ...] = ()
    tags: tuple[FacetCount, ...] = ()
    projects: tuple[FacetCount, ...] = ()
    dates: tuple[FacetCount, ...] = ()
    """Fixed spans, newest first: today, this week, this month, this year, older."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to `query`."""

    query: Query
    hits: tuple[Hit, ...] = ()
    total: int = 0
    """Hits of a ranked search; all matching memories of a plain list."""
    facets: Facets = Facets()
    took_ms: float = 0.0
    notices: tuple[str, ...] = ()
    """One line for each leg that could not take part and why; empty when all did."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed, typed edge between two memories."""

    id: str
    source_id: str
    target_id: str
    type: RelationType
    weight: float = 1.0
    """0..1."""
    created_by: RelationCreator = RelationCreator.USER
    created_at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelatedMemory:
    """A relation seen from one memory: the other end, with its text when it could be found."""

    relation: Relation
    outgoing: bool
    other: Memory | None
    """None for an orphaned relation: the other end is no memory."""


class Action(StrEnum):
    """What a change did."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


class Entity(StrEnum):
    """What a change was made to."""

    MEMORY = "memory"
    RELATION = "relation"
    SESSION = "session"
    CLIENT = "client"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the history."""

    id: int
    """Grows with every change of the store."""
    group: str
    """Changes of one act share it; undo takes back a whole group."""
    entity: Entity
    entity_id: str
    action: Action
    actor: str
    program: str
    at: datetime
    before: Mapping[str, object] | None
    """State before as JSON; for a memory `{"type", "payload"}` with the whole text in `payload.content`."""
    after: Mapping[str, object] | None
    content_hash: str | None = None
    """SHA-256 of the memory's text after the change, else before it."""
    undoes: str | None = None
    """Group that this change took back."""
    summary: str = ""
    """One line for a person: «edited text», «tags +auth −old»."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, for the toast."""

    group: str
    summary: str
    entity_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrashedMemory:
    """A deleted memory that can be restored."""

    memory: Memory
    deleted_at: datetime
    actor: str
    relations: int


class SessionStatus(StrEnum):
    """State of a work session."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class SessionCategory(StrEnum):
    """Kind of work."""

    CODING = "coding"
    REVIEW = "review"
    MEETING = "meeting"
    SUPPORT = "support"
    RESEARCH = "research"
    DOCUMENTATION = "documentation"
    DEVOPS = "devops"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Pause:
    """An interruption of a work session; `end` is None while it lasts."""

    start: datetime
    end: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WorkSession:
    """A span of work, with its pauses."""

    id: str
    description: str
    category: SessionCategory
    status: SessionStatus
    start: datetime
    end: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    client: str | None = None
    """Name."""
    project: str | None = None
    """Name."""
    client_id: str | None = None
    project_id: str | None = None
    issue_number: int | None = None
    pr_number: int | None = None
    branch: str | None = None
    notes: tuple[str, ...] = ()
    memory_id: str | None = None

    def paused_seconds(self, now: datetime) -> float:
        """Seconds of all pauses up to `now`, the open one included; what overlaps counts once."""
        return self._paused(now).total_seconds()

    def elapsed_seconds(self, now: datetime) -> float:
        """Seconds worked up to `now` or the end: the span less its pauses, never below 0."""
        # Exact until the end: as floats, a paused session would waver around a whole second.
        return max(0.0, ((self.end or now) - self.start - self._paused(now)).total_seconds())

    def _paused(self, now: datetime) -> timedelta:
        total, reached = timedelta(), None
        for start, end in sorted((pause.start, pause.end or self.end or now) for pause in self.pauses):
            begun = start if reached is None else max(start, reached)
            total += max(timedelta(), end - begun)
            reached = end if reached is None else max(end, reached)
        return total


class StoreKind(StrEnum):
    """The three stores of the top line."""

    QDRANT = "qdrant"
    POSTGRES = "postgres"
    EMBEDDER = "embedder"


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Health of one store."""

    kind: StoreKind
    ok: bool
    label: str
    """«embedded», «bundled» or the host, never a password."""
    version: str = ""
    latency_ms: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """One line each: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long run is."""

    done: int
    total: int | None
    """None while it is not known."""
    what: str = ""
