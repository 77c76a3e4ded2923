"""Notes that this program wrote: a person's changes in them count, all else comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping

from services.transfer.formats.imported_records import BadRecord, MemoryRecord, RelationRecord
from services.transfer.formats.record_reading import memory_record, relation_record

MARK = "memoria-tui"
"""The property that tells them."""
VERSION = 1
MOST_FRONT = 1 << 16
"""Characters of front matter that are read."""


def read(
    where: str, front: Mapping[str, object], body: str
) -> tuple[MemoryRecord | BadRecord, list[RelationRecord | BadRecord]] | None:
    """The memory and its relations; None for a note of another origin, or of a version that is not known.

    `body` is all that follows the front matter.
    """
    try:
        own = json.loads(str(front[MARK]))
        payload, relations, version = own["payload"], own["relations"], own["version"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if version != VERSION or not isinstance(payload, dict) or not isinstance(relations, list):
        return None
    dates = {name: front.get(key) for name, key in (("created_at", "created"), ("updated_at", "updated"))}
    seen = {"content": body, "tags": front.get("tags", []), "project": front.get("project"), **dates}
    given = {**payload, **seen, "importance": front.get("importance", payload.get("importance"))}
    found = {key: value for key, value in given.items() if value is not None}
    memory = memory_record(where, front.get("id"), found, collection=front.get("type"), copied=bool(body))
    return memory, [relation_record(where, one) for one in relations]
