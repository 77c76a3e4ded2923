"""What mem0 and OpenMemory list and export: memories whose text is `memory`, with a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from services.storable_text import quoted
from services.transfer.formats.fields import has_text, with_fields
from services.transfer.formats.imported_records import BadRecord, MemoryRecord, Record
from services.transfer.formats.json_items import Item, json_items
from services.transfer.formats.opened import Opened
from services.transfer.formats.reader import Reader
from services.transfer.formats.record_reading import rest_memory

_GONE = frozenset({"deleted"})
_SET_ASIDE = frozenset({"archived", "paused"})
_OWNED_BY = ("user_id", "app_id", "app_name", "agent_id", "run_id")


def _recognises(opened: Opened) -> bool:
    shape = opened.shape
    stated = shape.has("state") and shape.has(*_OWNED_BY, "created_at", "categories")
    owned = shape.has("memory") and shape.has("hash", "user_id", "created_at", "score", "categories", "metadata", "id")
    return owned or stated or ("results" in shape.keys and shape.has("memory"))


def _records(opened: Opened) -> Iterator[Record]:
    for item in json_items(opened, lambda name, first: name in ("results", "memories", "items") or has_text(first)):
        yield item if isinstance(item, BadRecord) else _record(item, opened.source)


def _record(item: Item, source: str) -> Record:
    value = with_fields(item.value)
    state = value.get("state")
    if state in _GONE or value.get("deleted_at"):
        return BadRecord(item.where, f"it is {quoted(state or 'deleted')} in its source")
    record = rest_memory(item.where, {**value, "type": value.get("type")}, source=source)
    if isinstance(record, MemoryRecord) and state in _SET_ASIDE:
        return replace(record, payload=_tagged(record.payload, str(state)))
    return record


def _tagged(payload: Mapping[str, object], tag: str) -> dict[str, object]:
    tags = payload["tags"]
    return {**payload, "tags": [*(one for one in (tags if isinstance(tags, list) else []) if one != tag), tag]}


READER = Reader(
    "mem0",
    "what mem0 and OpenMemory list or export (`results`, `memories`, `items`; a list; lines; OpenMemory's zip)",
    "text, id, dates, categories as tags, user, app and every other key as metadata; archived and paused as tags",
    "deleted ones and relations between names (told); access rules, history of states",
    _recognises,
    _records,
)
