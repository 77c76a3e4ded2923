"""Questions to the memories, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.model.memories import Memory, MemoryType

LONGEST_QUERY = 50_000
"""Characters of what is searched for: a longer text takes seconds, for which all others wait."""


class SearchMode(StrEnum):
    """Which legs a search uses."""

    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class SortKey(StrEnum):
    """What a list of memories can be ordered by: the payload's key, and the word that is typed behind `sort:`."""

    word: str
    is_number: bool
    """Else it is a date."""
    is_indexed: bool
    """Whether stores can read in its order; else all are read."""

    def __new__(cls, key: str, word: str, is_number: bool = False, is_indexed: bool = True) -> SortKey:
        made = str.__new__(cls, key)
        made._value_, made.word, made.is_number, made.is_indexed = key, word, is_number, is_indexed
        return made

    RELEVANCE = "relevance", "relevance"
    CREATED = "created_at", "created"
    UPDATED = "updated_at", "updated"
    IMPORTANCE = "importance", "importance", True
    ACCESS_COUNT = "access_count", "uses", True, False
    """How often MCP Memoria showed it."""


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
    any_tags: tuple[str, ...] = ()
    """At least one of them."""
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
    authors: tuple[str, ...] = ()
    """Made or changed by any of these names; «agent» is every agent."""
    excluded_authors: tuple[str, ...] = ()
    no_operators: tuple[str, ...] = ()
    """What stands before a colon as an operator does, and is none: it is searched for as words."""
    flags: tuple[tuple[str, bool], ...] = ()
    """Values of `is:` and `has:`, each with whether memories are so; `services.search.query` says what they ask."""
    as_of: datetime | None = None
    """What was there and true at that instant: created before, not expired, and not superseded by then."""
    at: datetime | None = None
    """The instant of which the flags are asked; with any it is there."""
    unassigned: bool | None = None
    """True: memories without a project."""
    id_prefixes: tuple[str, ...] = ()
    like: str | None = None
    """Id of a memory whose vectors are the question («more like this»), or a beginning that fits one only."""
    mode: SearchMode = SearchMode.HYBRID
    sort: SortKey = SortKey.RELEVANCE
    """RELEVANCE with an empty text means newest first."""
    descending: bool = True
    limit: int = 100
    """Most hits of a ranked search; lists page without it."""

    @property
    def asks_texts(self) -> bool:
        """Whether only the texts themselves tell which memories are meant, as of no index can."""
        return bool(self.phrases or self.excluded_words)

    @property
    def notice(self) -> str:
        """«foo: is no operator; searched for as words»; "" where nothing looks like one."""
        names = " and ".join(f"{one}:" for one in self.no_operators)
        is_none = "are no operators" if len(self.no_operators) > 1 else "is no operator"
        return f"{names} {is_none}; searched for as words" if names else ""

    @property
    def ranked(self) -> bool:
        """True when hits are ordered by relevance, False when they are a plain list."""
        return bool(self.text or self.like) and self.sort is SortKey.RELEVANCE

    @property
    def judged(self) -> bool:
        """Whether the relevance of hits tells if they may answer: a phrase or a word alone is there or not."""
        words_alone = self.mode is SearchMode.KEYWORD or self.phrases or self.like
        return bool(self.ranked and self.text and not words_alone)


@dataclass(frozen=True, slots=True)
class Why:
    """The parts of a hit's score, each scaled to 0..1; None when that leg did not find it."""

    dense: float | None = None
    keyword: float | None = None
    graph: float | None = None


GOOD_RELEVANCE = 0.34
"""Relevance from which a hit may answer the question."""
NO_GOOD_MATCH = "no good match"
"""What is said of an answer without any such hit."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory found, with the reason."""

    memory: Memory
    score: float = 0.0
    """0..1 within one result; 0.0 in plain lists."""
    relevance: float = 0.0
    """0..1 whatever else was found: below `GOOD_RELEVANCE` it hardly answers; 0.0 in plain lists."""
    why: Why = Why()
    passage: str = ""
    """Text of the chunk that matched best; "" in plain lists."""
    relations: int = 0
    """Number of relations of the memory."""
    superseded: bool = False
    """Whether another memory supersedes it."""


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
    took_ms: float = 0.0
    notices: tuple[str, ...] = ()
    """One line for each leg that could not take part and why; empty when all did."""
    answered: bool = True
    """False where no hit of a ranked search is relevant enough: they are the nearest, and no more."""
