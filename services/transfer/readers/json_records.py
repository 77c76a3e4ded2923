"""JSON of any program: lines, a list, or a document with lists, whose objects have a text under a known name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from services.model import any_of
from services.tags import read_tags
from services.transfer.reader_parts.field_aliases import NAMES_OF_A_TEXT, has_text, with_fields
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record
from services.transfer.reader_parts.json_items import Item, json_items
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.record_reading import RawPoint, assembled, memory_of_object, relation_record

_LINES = frozenset({".jsonl", ".ndjson"})
_SET_ASIDE = ("archived", "paused")
"""States that become tags."""
_DELETED = ("deleted_at", "is_deleted", "deleted")
_NO = frozenset({"", "0", "0.0", "false", "no", "none", "null", "[]", "{}"})
"""What says under such a key that it is not, as text."""
_KNOWN = frozenset({"memories", "relations"})


def _recognises(opened: Opened) -> bool:
    unnamed = opened.path is None and not opened.suffix and not opened.is_folder  # standard input
    return opened.shape.form is not None or opened.suffix in _LINES or unnamed


def records(opened: Opened) -> Iterator[Record]:
    return assembled(_records(opened), opened.source)


def _records(opened: Opened) -> Iterator[RawPoint | Record]:
    mapped = opened.options.names.get("content")
    for item in json_items(opened, lambda name, first: _wanted(name, first) or mapped in first):
        if isinstance(item, Item):
            item = replace(item, value=opened.options.renamed(item.value))
        yield item if isinstance(item, BadRecord) else record_of(item, opened.source)


def record_of(item: Item, source: str) -> RawPoint | Record:
    """What an object is by its keys: a point, a relation, or a memory."""
    value = item.value
    if "payload" in value:
        collection = value.get("_collection", value.get("collection"))
        return RawPoint(item.where, value, collection if isinstance(collection, str) else None)
    if item.part == "relations" or ("source_id" in value and item.part != "memories"):
        return relation_record(item.where, value, source=source)
    return memory_of(item, source)


def memory_of(item: Item, source: str) -> Record:
    """A memory in the state that its source gives it: a deleted one is left out."""
    value = with_fields(item.value)
    state = str(value.get("state") or "").lower()
    if state == "deleted" or any(str(value.get(key)).strip().lower() not in _NO for key in _DELETED):
        return BadRecord(item.where, "it is deleted in its source", may_be_known=False)
    record = memory_of_object(item.where, value, source=source, copied=item.part == "memories")
    aside = [one for one in _SET_ASIDE if state == one or value.get(one) is True]
    if isinstance(record, MemoryRecord) and aside:
        return replace(record, payload={**record.payload, "tags": read_tags([record.payload["tags"], aside])})
    return record


def _wanted(name: str, first: Mapping[str, object]) -> bool:
    return name in _KNOWN or has_text(first) or {"source_id", "target_id"} <= set(first)


READER = Reader(
    "json",
    "JSON or JSON lines of any program, such as Letta, Zep or cognee, whose objects have a "
    + any_of(f"`{name}`" for name in NAMES_OF_A_TEXT),
    "text, id, tags, type, dates in any spelling; every other key as metadata; relations by ids",
    "lists of other objects; they are reported with their number",
    _recognises,
    records,
)
