"""Notes that this program wrote: what a person changed in their properties and text counts, all else is as it was."""

from __future__ import annotations

from collections.abc import Sequence

from services.transfer.reader_parts.front_matter import OWN, Note
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, RelationRecord
from services.transfer.reader_parts.json_reading import DECODER
from services.transfer.reader_parts.record_reading import memory_record, relation_record

VERSION = 1
NAMES = ("title", "name", "permalink", "aliases", "alias")
"""Metadata that are properties of their own, by which links can mean a note."""


def read_own(where: str, note: Note) -> tuple[MemoryRecord | BadRecord, Sequence[RelationRecord | BadRecord]] | None:
    """The memory of the note and its relations; None for a note of another origin, or of an unknown version."""
    front = note.front
    try:
        own = DECODER.decode(str(front[OWN]))
        payload, relations, version = own["payload"], own["relations"], own["version"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if version != VERSION or not isinstance(payload, dict) or not isinstance(relations, list):
        return None
    dates = {"created_at": front.get("created"), "updated_at": front.get("updated")}
    seen = {"content": note.body, "tags": front.get("tags", []), "importance": front.get("importance"), **dates}
    named = {key: front[key] for key in NAMES if key in front}
    given = {**named, **seen, "project": front.get("project")}
    found = {**payload, **{key: value for key, value in given.items() if value is not None}}
    memory = memory_record(where, front.get("id"), found, collection=front.get("type"), copied=True)
    return memory, [relation_record(where, one) for one in relations]
