"""Names that tell memories apart where a format knows them by name: their titles, and more where these are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from services.model import Memory
from services.transfer.export_source import ExportSource

_LONGEST = 100
"""Characters of a title."""
_SHOWN = 8
"""Characters of an id that tell memories of one title apart."""


async def unique_names(
    source: ExportSource, name_of: Callable[[Memory], str], fold: Callable[[str], str] = str
) -> dict[str, str]:
    """A name for each memory, by its id: the same whatever the order. `fold` makes the same of names that are."""
    names: dict[str, str] = {}
    async for page in source.memories():
        names |= {memory.id: name_of(memory) or "untitled" for memory in page}
    counts = Counter(map(fold, names.values()))
    taken = set(counts)
    for memory_id in sorted(names):
        title = names[memory_id]
        if counts[fold(title)] > 1:
            name = f"{title} {memory_id[:_SHOWN]}"
            while fold(name) in taken:
                name = f"{title} {memory_id}" if len(name) < len(title) + len(memory_id) else f"{name}+"
            taken.add(fold(name))
            names[memory_id] = name
    return names


def short_title(memory: Memory) -> str:
    """The title, of a length that can be a name."""
    return memory.title[:_LONGEST].strip()
