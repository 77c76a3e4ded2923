"""What MCP Memoria exports and backs up: logical memories or raw points, as one document or one a line."""

from __future__ import annotations

from collections.abc import Iterator

from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.json_items import elements
from services.transfer.reader_parts.json_reading import BrokenJson, JsonStream
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.record_reading import RawPoint, assembled
from services.transfer.readers import json_records


def _recognises(opened: Opened) -> bool:
    return "collections" in opened.shape.keys or opened.shape.has("payload")


def _records(opened: Opened) -> Iterator[Record]:
    if "collections" not in opened.shape.keys:
        yield from json_records.records(opened)
    else:
        yield from assembled(_points(opened.document(), opened.source), opened.source)


def _points(document: JsonStream, source: str) -> Iterator[RawPoint | Record]:
    try:
        for key in document.members():
            if key == "collections" and document.peek() == "{":
                yield from _collections(document)
            elif key in ("memories", "relations") and document.peek() == "[":
                for item in elements(document, key, key, lambda *_: True):
                    yield item if isinstance(item, BadRecord) else json_records.record_of(item, source)
            else:
                document.value()
        document.require_end()
    except BrokenJson as error:
        yield BadRecord(document.place, str(error), damaged=True)


def _collections(document: JsonStream) -> Iterator[RawPoint | Record]:
    for name in document.members():
        for item in elements(document, name, name, lambda *_: True):
            yield item if isinstance(item, BadRecord) else RawPoint(item.where, item.value, name)


READER = Reader(
    "mcp-memoria",
    "an export or backup of MCP Memoria, or a `collections` export of this program",
    "memories with all their keys, chunks put together, vectors of the same model; relations of a REST backup",
    "nothing that the file has",
    _recognises,
    _records,
)
