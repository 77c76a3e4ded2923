"""Tags and projects over all memories: which there are, which are spelled otherwise, and one name for several."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from services.curation.curation_values import Naming
from services.memories.memory_service import MemoryService
from services.memories.stored_memories import memory_id_of, pages
from services.model import Advance, FacetCount, Memory, MemoryChanges, MemoryType
from services.points import Filter, Matches, Scroll
from services.ports import VectorStore
from services.search.search_service import SearchService

_PAGE = 1000
_BETWEEN = re.compile(r"[-_\s./]+")
_IN_NUMBERS = re.compile(r"(?<=\d)[-_\s./]+(?=\d)")
"""Stays, in one form: «2.1» is not «21»."""
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
"""Of Latin letters; other marks make another letter."""
_LONG = 4
"""Letters of a word from which on an s at its end is a plural's: «dns», «aws» are none."""
_NO_PLURALS = frozenset({"cors", "does", "goods", "https", "lens", "mars", "means", "news", "pros", "rails"})
"""Such words whose s belongs to them, and which are other words without it."""


class NameService:
    """Raises StoreUnavailable."""

    def __init__(self, vectors: VectorStore, search: SearchService, memories: MemoryService) -> None:
        self._vectors = vectors
        self._search = search
        self._memories = memories

    async def in_use(self, naming: Naming) -> tuple[FacetCount, ...]:
        """All names with the number of memories that have them, most used first."""
        return await self._search.in_use(naming)

    async def memories_with(self, naming: Naming, names: Sequence[str]) -> list[str]:
        """Ids of the memories that have one of these names."""
        found: dict[str, None] = {}
        where = Filter((Matches(naming.key, tuple(names)),))
        for type_ in MemoryType:
            request = Scroll(type_, _PAGE, where, payload_keys=("parent_id",))
            async for page in pages(self._vectors, request):
                found |= dict.fromkeys(memory_id_of(point) for point in page)
        return list(found)

    async def rename(self, naming: Naming, names: Mapping[str, str | None], progress: Advance = lambda _: None) -> int:
        """Gives each of these names another one, or none (None), in one act; gives how many memories changed.

        A name that is in use already takes them over: so names are merged.
        """
        ids = await self.memories_with(naming, list(names))

        def changes(memory: Memory) -> MemoryChanges:
            if naming is Naming.PROJECT:
                return MemoryChanges(project=names.get(memory.project or "", memory.project) or "")
            renamed = (names.get(tag, tag) for tag in memory.tags)
            return MemoryChanges(tags=tuple(dict.fromkeys(tag for tag in renamed if tag)))

        return await self._memories.edit_each(ids, changes, progress) if ids else 0


def similar(names: Sequence[FacetCount]) -> tuple[tuple[FacetCount, ...], ...]:
    """Names that differ only in case, accents, plural or what is between words; of each group the most used first."""
    groups: dict[str, list[FacetCount]] = {}
    for one in names:
        groups.setdefault(_spelling(one.value), []).append(one)
    return tuple(tuple(sorted(some, key=lambda one: -one.count)) for some in groups.values() if len(some) > 1)


def _spelling(name: str) -> str:
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", name).casefold())
    numbers = _IN_NUMBERS.sub(",", plain)
    return "".join(_singular(word) for word in _BETWEEN.split(numbers)) or name


def _singular(word: str) -> str:
    if len(word) < _LONG or word in _NO_PLURALS or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]
