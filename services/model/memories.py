"""Memories: one logical text each, however many points hold it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.model.trust_keys import EXPIRES_AT, PINNED, VERIFIED_AT

DEFAULT_IMPORTANCE = 0.5
"""Of a new memory, where nobody says another."""
MISSING_IMPORTANCE = 0.5
"""What counts for a memory that has none stored, as MCP Memoria takes it."""

SOON = timedelta(days=30)
"""What expires within it expires soon."""
STALE_AFTER = timedelta(days=180)
"""How long nobody changed or confirmed a stale memory."""


class MemoryType(StrEnum):
    """The three kinds of memory; also the names of the collections."""

    EPISODIC = "episodic"
    SEMANTIC = "semantic"
    PROCEDURAL = "procedural"


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
    importance: float = MISSING_IMPORTANCE
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
    def expires_at(self) -> datetime | None:
        """From when on it is outdated; None: never, or not readable. Without a zone it is UTC."""
        return _instant(self.metadata.get(EXPIRES_AT))

    def expired(self, now: datetime) -> bool:
        """Whether it is outdated."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def last_verified(self) -> datetime | None:
        """When somebody last said that it is true still, as `expires_at`."""
        return _instant(self.metadata.get(VERIFIED_AT))

    @property
    def pinned(self) -> bool:
        """Whether it is to stay whatever its age."""
        return self.metadata.get(PINNED) is True

    @property
    def title(self) -> str:
        """As `title_of` has it; "" for an empty memory."""
        return title_of(self.content)


_QUOTED = 48
"""Characters of a title in a message."""


def _instant(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def content_hash(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, hexadecimal (lone surrogates passed through)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def first_line(text: str) -> str:
    """The first line that is not blank, without Markdown heading marks; "" where there is none."""
    return next(_lines(text), "")


TITLE_IN = 4_000
"""Characters of a text in which its title is looked for."""
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_FRONT_TITLE = re.compile(r"""^title:[ \t]*(?![>|][-+\d]*[ \t]*$)(["']?)(\S.*?)\1[ \t]*$""", re.MULTILINE)
_WORDED = re.compile(r"[^\W_]")
_SENTENCE = re.compile(r"""(.{20,}?[.!?…])\s+["'(«“]?[^\W\d_a-z]|(.{6,}?[。！？])""")
"""A sentence that another one follows; «e.g.» ends none."""


def quoted_title(memory: Memory | None) -> str:
    """How a message names a memory: «"the beginning of its title"»; «a missing memory»."""
    if memory is None:
        return "a missing memory"
    title = " ".join(memory.title.split()) or "(empty)"
    return f'"{title}"' if len(title) <= _QUOTED else f'"{title[: _QUOTED - 1].rstrip()}…"'


def title_of(text: str) -> str:
    """What a memory is called: the title of its front matter, else its first heading line or first sentence.

    A line that ends with a colon takes the next one along. "" for an empty text.
    """
    text = text[:TITLE_IN]
    if front := _FRONT_MATTER.match(text.lstrip()):
        if titled := _FRONT_TITLE.search(front[1]):
            return titled[2]
        text = text.lstrip()[front.end() :]
    lines = filter(_WORDED.search, _lines(text))
    title = next(lines, "") or first_line(text)
    if title.endswith(":"):
        title = f"{title} {next(lines, '').lstrip('-*+ ')}".strip()
    sentence = _SENTENCE.match(title)
    return (sentence[1] or sentence[2]) if sentence else title


def _lines(text: str) -> Iterator[str]:
    return (stripped for line in text.splitlines() if (stripped := line.strip().lstrip("#").strip()))


@dataclass(frozen=True, slots=True)
class MemoryDraft:
    """A memory to be made. Dates, id and defaults that are None are filled in by the service."""

    content: str
    type: MemoryType = MemoryType.SEMANTIC
    id: str | None = None
    tags: tuple[str, ...] = ()
    importance: float = DEFAULT_IMPORTANCE
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
    add_tags: tuple[str, ...] = ()
    """Added to those that it has when it is written, of which `remove_tags` are removed."""
    remove_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrashedMemory:
    """A deleted memory that can be restored."""

    memory: Memory
    deleted_at: datetime
    actor: str
    relations: int
    number: int
    """Of the change that deleted it."""


def counted(number: int, noun: str = "memory") -> str:
    """«1 memory», «1,204 memories», «2 records»."""
    many = f"{noun[:-1]}ies" if noun.endswith(("ry", "ty")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def any_of(words: Iterable[object]) -> str:
    """«client, project or category»."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def counted_each(counts: Mapping[str, int]) -> str:
    """«1 memory, 3 changes» of numbers by their plural; "" for none."""
    return ", ".join(f"{count:,} {_singular(many) if count == 1 else many}" for many, count in counts.items())


def _singular(many: str) -> str:
    return f"{many[:-3]}y" if many.endswith("ies") else many.removesuffix("s")
