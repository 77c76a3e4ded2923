"""The memory of Claude Code and other coding agents: `memory/*.md` with its index, `CLAUDE.md`, `AGENTS.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from services.model import MemoryType
from services.transfer.reader_parts.front_matter import Note
from services.transfer.reader_parts.notes import Section, read_notes
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.wikilinks import Link
from services.transfer.readers import markdown

_INSTRUCTIONS = frozenset({"claude.md", "claude.local.md", "agents.md", "gemini.md"})
_INDEX = "memory.md"
_HEADING = re.compile(r"^(#{1,2})[ \t]+(.+?)[ \t#]*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


def _recognises(opened: Opened) -> bool:
    if not markdown.recognises(opened) or opened.path is None:
        return False
    known = _INSTRUCTIONS | {_INDEX}
    if not opened.is_folder:
        return opened.path.name.casefold() in known
    return any(path.name.casefold() in known and path.is_file() for path in opened.path.iterdir())


def divided(name: str, note: Note) -> Iterable[Section]:
    """A file of instructions by its sections, each part of the first one; every other file as it is."""
    if PurePosixPath(name).name.casefold() not in _INSTRUCTIONS:
        return (Section(note),)
    parts = [(title, text) for title, text in _sections(note.body) if _says_more(text)]
    if len(parts) < 2:
        return (Section(note, type=MemoryType.PROCEDURAL),)
    return tuple(_named(parts, note))


def _named(parts: list[tuple[str, str]], note: Note) -> Iterator[Section]:
    taken: dict[str, int] = {}
    first = ""
    for title, text in parts:
        taken[title] = number = taken.get(title, 0) + 1
        name = title if number == 1 else f"{title} {number}"
        above = (Link(f"#{first}", "part of"),) if first else ()
        front = {**note.front, "section": name}
        yield Section(Note(text, front, {**note.written, "title": None}), name, above, MemoryType.PROCEDURAL)
        first = first or name


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """The heading and the text of each section of the first two levels; headings in code are none."""
    title, lines, fenced = "Introduction", list[str](), False
    for line in text.splitlines(keepends=True):
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced else _HEADING.match(line.rstrip())
        if found and lines:
            yield title, "".join(lines)
            lines = []
        title = found[2] if found else title
        lines.append(line)
    yield title, "".join(lines)


def _says_more(text: str) -> bool:
    """Whether a section is more than its heading."""
    return bool("".join(line for line in text.splitlines() if not _HEADING.match(line)).strip())


READER = Reader(
    "claude-code",
    "memory of Claude Code (`memory/*.md` with `MEMORY.md`), `CLAUDE.md`, `AGENTS.md`, `GEMINI.md`",
    "as Markdown; instructions by section, procedural, each `part_of` the first one; what the index links is related "
    "to it; the kind of a memory (user, feedback, project, reference) as `original_type`",
    "as Markdown; what `@path` includes is not read",
    _recognises,
    lambda opened: read_notes(opened, divided),
)
