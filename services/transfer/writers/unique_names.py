"""Names that tell memories apart where a format knows them by name: their titles, and more where these are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from services.model import Memory
from services.transfer.export_source import ExportSource

_LONGEST = 100
"""Characters of a title."""
_SHOWN = 8
"""Characters of an id that tell memories of one title apart."""


async def unique_names(source: ExportSource, name_of: Callable[[Memory], str]) -> dict[str, str]:
    """A name for each memory, by its id: the same whatever the order."""
    names: dict[str, str] = {}
    async for page in source.memories():
        names |= {memory.id: name_of(memory) or "untitled" for memory in page}
    return with_own_names(names)


def with_own_names(
    names: Mapping[str, str], fold: Callable[[str], str] = str, taken: Collection[str] = ()
) -> dict[str, str]:
    """The names, by ids of memories, with a piece of the id where several have the same one.

    `fold` makes the same of names that count as the same; `taken` are such that are not to be had.
    """
    own = dict(names)
    counts = Counter(map(fold, own.values())) + Counter(dict.fromkeys(taken, 2))
    used = set(counts)
    for memory_id in sorted(own):
        title = own[memory_id]
        if counts[fold(title)] > 1:
            name = f"{title} {memory_id[:_SHOWN]}"
            while fold(name) in used:
                name = f"{title} {memory_id}" if len(name) < len(title) + len(memory_id) else f"{name}+"
            used.add(fold(name))
            own[memory_id] = name
    return own


def short_title(memory: Memory) -> str:
    """The title, of a length that can be a name."""
    return memory.title[:_LONGEST].strip()
