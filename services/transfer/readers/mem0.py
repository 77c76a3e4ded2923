"""What mem0 and OpenMemory list and export: memories whose text is `memory`, with a state."""

from __future__ import annotations

from collections.abc import Iterator

from services.transfer.formats.fields import has_text
from services.transfer.formats.imported_records import BadRecord, Record
from services.transfer.formats.json_items import json_items
from services.transfer.formats.opened import Opened
from services.transfer.formats.reader import Reader
from services.transfer.readers.json_records import memory_of

_OWNED_BY = ("user_id", "app_id", "app_name", "agent_id", "run_id")


def _recognises(opened: Opened) -> bool:
    shape = opened.shape
    stated = shape.has("state") and shape.has(*_OWNED_BY, "created_at", "categories")
    owned = shape.has("memory") and shape.has("hash", "user_id", "created_at", "score", "categories", "metadata", "id")
    return owned or stated or ("results" in shape.keys and shape.has("memory"))


def _records(opened: Opened) -> Iterator[Record]:
    for item in json_items(opened, lambda name, first: name in ("results", "memories", "items") or has_text(first)):
        yield item if isinstance(item, BadRecord) else memory_of(item, opened.source)


READER = Reader(
    "mem0",
    "what mem0 and OpenMemory list or export (`results`, `memories`, `items`; a list; lines; OpenMemory's zip)",
    "text, id, dates, categories as tags, user, app and every other key as metadata; archived and paused as tags",
    "deleted ones and relations between names (told); access rules, history of states",
    _recognises,
    _records,
)
