"""The graph in Graphviz's language: a box a memory, an arrow a relation."""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.transfer.export_source import ExportSource
from services.transfer.writers.unique_names import short_title
from services.transfer.writers.writer import FileWriter

_HEAD = "digraph memories {\n  node [shape=box, style=rounded];\n"


async def _lines(source: ExportSource) -> AsyncIterator[bytes]:
    yield _HEAD.encode()
    async for page in source.memories():
        for memory in page:
            about = {"label": short_title(memory), "type": memory.type, "project": memory.project or ""}
            yield _line(_quoted(memory.id), {**about, "tags": ", ".join(memory.tags)})
    async for relations in source.relations():
        for one in relations:
            ends = f"{_quoted(one.source_id)} -> {_quoted(one.target_id)}"
            yield _line(ends, {"label": one.type.label, "type": one.type, "strength": str(one.weight)})
    yield b"}\n"


def _line(what: str, attributes: dict[str, str]) -> bytes:
    given = ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items() if value)
    return f"  {what} [{given}];\n".encode("utf-8", "replace")


def _quoted(text: str) -> str:
    """A string in which nothing is an escape or an entity, on one line."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") + '"'


WRITER = FileWriter(
    ".dot",
    "texts, importance, dates, metadata, work time, history and vectors",
    _lines,
)
