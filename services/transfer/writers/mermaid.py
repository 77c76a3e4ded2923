"""The graph as a Mermaid flowchart, as GitHub, GitLab and Obsidian draw it in Markdown."""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.transfer.export_source import ExportSource
from services.transfer.writers.unique_names import short_title
from services.transfer.writers.writer import FileWriter


async def _lines(source: ExportSource) -> AsyncIterator[bytes]:
    yield b"flowchart LR\n"
    numbers: dict[str, int] = {}
    async for page in source.memories():
        for memory in page:
            number = numbers.setdefault(memory.id, len(numbers) + 1)
            yield f'  n{number}["{_label(short_title(memory))}"]:::{memory.type}\n'.encode()
    async for relations in source.relations():
        for one in relations:
            yield f"  n{numbers[one.source_id]} -->|{one.type.label}| n{numbers[one.target_id]}\n".encode()


def _label(text: str) -> str:
    """All that could be a sign of Mermaid, of its Markdown or of HTML becomes an entity: «#34;» for a quote."""
    return "".join(
        character
        if character.isalnum() or character == " "
        else f"#{ord(character)};"
        if character.isprintable()
        else " "
        for character in text or "untitled"
    )


WRITER = FileWriter(
    ".mmd",
    "texts, ids, tags, projects, importance, dates, metadata, weights, work time, history and vectors; viewers draw "
    "some 500 relations",
    _lines,
)
