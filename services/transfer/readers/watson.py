"""Watson: its file `frames`, and what `watson log --json` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from services.errors import UnreadableFile
from services.memories.stored_memories import canonical
from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.json_reading import BrokenJson
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.tracked_time import TrackedTimes, since_1970, unreadable

_FRAMES = re.compile(rb"\s*\[\s*\[\s*\d{8,11}\s*,\s*\d{8,11}\s*,\s*\"")
_KEYS = frozenset({"id", "start", "stop", "project"})


def _recognises(opened: Opened) -> bool:
    return bool(_FRAMES.match(opened.head)) or set(opened.shape.items.get("", ())) >= _KEYS


def _records(opened: Opened) -> Iterator[Record]:
    times, document = TrackedTimes("watson"), opened.document()
    try:
        for number, value in enumerate(document.items(), 1):
            yield _record(times, f"frame {number}", value)
        document.require_end()
    except BrokenJson as error:
        if not document.place:
            raise UnreadableFile(f"{opened.name}: no readable JSON: {error}") from error
        yield BadRecord(document.place, str(error), damaged=True)


def _record(times: TrackedTimes, where: str, value: object) -> Record:
    """A frame is [start, stop, project, id, tags, changed at], in seconds; in the log an object with ISO 8601."""
    start: datetime | None
    match value:
        case [int() as began, int() as ended, str() as project, str() as key, *rest]:
            start, end = since_1970(began), since_1970(ended)
            tags = rest[0] if rest else ()
        case {"start": str() as began_at, "stop": str() as ended_at, "project": str() as project, "id": str() as key}:
            start, end = _iso(began_at), _iso(ended_at)
            tags = value.get("tags") if isinstance(value, Mapping) else ()
        case _:
            return BadRecord(where, unreadable(value))
    named = [str(tag) for tag in tags] if isinstance(tags, Sequence) and not isinstance(tags, str) else []
    return times.record(where, "", start, end, own_id=key, session_id=canonical(key) or "", project=project, tags=named)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


READER = Reader(
    "watson",
    "Watson's file `frames`, or what `watson log --json` prints",
    "work sessions with project and tags; the tags, else the project, as description",
    "what is still running, which Watson keeps elsewhere",
    _recognises,
    _records,
)
