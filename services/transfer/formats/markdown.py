"""Markdown and plain text: one file, one memory; YAML front matter becomes tags, type, project and metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from services.memories.editing import MOST_TEXT
from services.transfer.formats.imported_records import BadRecord, MemoryRecord
from services.transfer.formats.json_reading import TOO_DEEP
from services.transfer.formats.record_reading import id_of, memory_record

SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".txt", ".text"})
_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\r?\n(.*?)(?:^|\r?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_MOST_BYTES = 4 * MOST_TEXT
"""Of a file; a character of UTF-8 has at most four."""
_MOST_FRONT = 1 << 16
"""Characters of front matter."""
_MOST_LEVELS = 20
_RENAMED = {"type": "memory_type", "created": "created_at", "date": "created_at", "updated": "updated_at"}


def text_files(folder: Path) -> Iterator[Path]:
    """Markdown and text files below a folder, in a stable order; hidden ones are passed over."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path


def read_text_file(path: Path, name: str) -> MemoryRecord | BadRecord:
    """The memory that the file holds. `name` is its path as reported."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return BadRecord(name, f"cannot be read: {error.strerror or error}")
    if len(raw) > _MOST_BYTES:
        return BadRecord(name, f"longer than the {MOST_TEXT:,} characters that a memory has at most; divide it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return BadRecord(name, f"not UTF-8 text (byte {error.start + 1})")
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return _memory(text, name, path.resolve().as_posix(), modified)


def _memory(text: str, name: str, origin: str, modified: datetime) -> MemoryRecord | BadRecord:
    """One text as a memory; one origin always gives the same id, so that a second import finds the first."""
    front: dict[str, object] = {}
    body = text
    if match := _FRONT_MATTER.match(text):
        try:
            found = _front_matter(match[1])
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
            return BadRecord(name, f"its front matter cannot be read: {' '.join(str(error).split())[:120]}")
        front = {_RENAMED.get(str(key), str(key)): _plain(value) for key, value in found.items()}
        body = text[match.end() :].lstrip("\r\n")
    if not body.strip():
        return BadRecord(name, "empty: there is no text to remember")
    front.setdefault("updated_at", modified.isoformat())
    given = front.pop("id", None)
    return memory_record(name, given or id_of(origin), front | {"content": body}, whole=False)


def _front_matter(text: str) -> dict[object, object]:
    """The keys and values of front matter. Raises ValueError for what is none, or asks for more than it is worth."""
    if len(text) > _MOST_FRONT:
        raise ValueError(f"it is longer than {_MOST_FRONT:,} characters")
    levels = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError("anchors and aliases (& and *) are not taken; write the value out")
        if getattr(event, "tag", None):
            raise ValueError("tags (!) are not taken; write the value alone")
        levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if levels > _MOST_LEVELS:
            raise ValueError(TOO_DEEP)
    found = yaml.safe_load(text)
    if found is not None and not isinstance(found, dict):
        raise ValueError("it must be `key: value` lines")
    return found or {}


def _plain(value: object) -> object:
    """A YAML value as JSON can hold it."""
    match value:
        case date():
            return value.isoformat()
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [_plain(inner) for inner in value]
        case _:
            return value
