"""Markdown and plain text: one file, one memory; YAML front matter becomes tags, type, project and metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from services.transfer.formats.records import BadRecord, MemoryRecord
from services.transfer.formats.upstream import id_of, memory_record

SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".txt", ".text"})
_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\r?\n(.*?)(?:^|\r?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
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
        raw = path.read_bytes()
    except OSError as error:
        return BadRecord(name, f"cannot be read: {error.strerror or error}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return BadRecord(name, f"not UTF-8 text (byte {error.start + 1})")
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return _memory(text, name, path.resolve().as_posix(), modified)


def _memory(text: str, name: str, origin: str, modified: datetime) -> MemoryRecord | BadRecord:
    """One text as a memory; one origin always gives the same id, so that a second import finds the first."""
    front: dict[str, object] = {}
    body = text
    if match := _FRONT_MATTER.match(text):
        try:
            found = yaml.safe_load(match[1])
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            return BadRecord(name, f"front matter is no YAML: {' '.join(str(error).split())[:120]}")
        if found is not None and not isinstance(found, dict):
            return BadRecord(name, "front matter must be `key: value` lines")
        front = {_RENAMED.get(str(key), str(key)): _plain(value) for key, value in (found or {}).items()}
        body = text[match.end() :].lstrip("\r\n")
    if not body.strip():
        return BadRecord(name, "empty: there is no text to remember")
    front.setdefault("updated_at", modified.isoformat())
    given = front.pop("id", None)
    return memory_record(name, given or id_of(origin), front | {"content": body}, whole=False)


def _plain(value: object) -> object:
    """A YAML value as JSON can hold it."""
    if isinstance(value, date):
        return value.isoformat()
    return json.loads(json.dumps(value, default=str))
