"""What an import from Memori would read, counted before anything is imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.transfer.formats.imported_records import BadRecord, MemoryRecord, RelationRecord
from services.transfer.formats.memori import EXPIRED
from services.transfer.importing import RecordSource


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there is to take in, by type."""

    memories: Mapping[str, int]
    relations: Mapping[str, int]
    expired: int
    """Of the memories, those that Memori would no longer recall."""

    def as_json(self) -> dict[str, object]:
        return {"memories": dict(self.memories), "relations": dict(self.relations), "expired": self.expired}


def tally(source: RecordSource) -> tuple[Tally, list[BadRecord]]:
    """What an import would read, and what it would leave out. Raises as `RecordSource.records`."""
    memories: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    expired, bad = 0, []
    for record in source.records():
        if isinstance(record, MemoryRecord):
            memories[str(record.type)] += 1
            tags = record.payload["tags"]
            expired += isinstance(tags, list) and EXPIRED in tags
        elif isinstance(record, RelationRecord):
            relations[str(record.relation.type)] += 1
        elif isinstance(record, BadRecord):
            bad.append(record)
    return Tally(memories, relations, expired), bad
