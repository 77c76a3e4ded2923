"""What Memori keeps in a PostgreSQL, as a source of an import: read in one snapshot, never written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from services.transfer.formats.memori import EXPIRED, Origin
from services.transfer.formats.records import BadRecord, MemoryRecord, Record, RelationRecord

if TYPE_CHECKING:
    from services.adapters.memori import MemoriDatabase, Row
    from services.ports import Clock


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there is to take in, by type."""

    memories: Mapping[str, int]
    relations: Mapping[str, int]
    expired: int
    """Of the memories, those that Memori would no longer recall."""

    def as_json(self) -> dict[str, object]:
        return {"memories": dict(self.memories), "relations": dict(self.relations), "expired": self.expired}


class MemoriSource:
    """One database of Memori's; `done` and `size` count its rows."""

    unit = "rows"
    lasting = True

    def __init__(self, database: MemoriDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.name = f"Memori at {database.label}"
        self.size: int | None = None
        self.done = 0

    def records(self) -> Iterator[Record]:
        """Every memory, entity, conversation and relation, bad ones included, as it is read.

        Raises what `MemoriDatabase.snapshot` does.
        """
        with self._database.snapshot() as snapshot:
            self.size = sum(snapshot.counts().values())
            origin = Origin(snapshot.identity, self._clock())
            left_out: dict[str, set[object]] = {}
            for table, read in (
                ("memories", origin.memory),
                ("entities", origin.entity),
                ("conversations", origin.conversation),
            ):
                for row in snapshot.rows(table):
                    record = read(row)
                    if isinstance(record, BadRecord):
                        left_out.setdefault(table, set()).add(row["id"])
                    yield record
                    self.done += 1
            for later, earlier in snapshot.following(list(left_out.get("conversations", ()))):
                yield origin.follows(later, earlier)
            for _, rows in groupby(snapshot.rows("relationships"), _pair):
                together = list(rows)
                yield from origin.relations(together, left_out.get("entities", ()))
                self.done += len(together)


def tally(source: MemoriSource) -> tuple[Tally, list[BadRecord]]:
    """What an import would read, and what it would leave out. Raises as `MemoriSource.records`."""
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


def _pair(row: Row) -> frozenset[object]:
    return frozenset((row["source_entity_id"], row["target_entity_id"]))
